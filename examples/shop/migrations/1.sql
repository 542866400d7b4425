-- Release 1.0.0: orders, feature flags, and the list of applied migrations.
CREATE TABLE migrations (number INTEGER PRIMARY KEY, about TEXT NOT NULL);
CREATE TABLE feature_flags (name TEXT PRIMARY KEY, enabled INTEGER NOT NULL);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    customer TEXT NOT NULL,
    cents INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('processing', 'done'))
);

INSERT INTO feature_flags VALUES ('accept_orders', 1);
INSERT INTO orders (customer, cents, status)
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
    SELECT 'customer ' || (i % 40), 500 + (i * 37) % 9000, 'done' FROM n;
INSERT INTO migrations VALUES (1, 'orders');
