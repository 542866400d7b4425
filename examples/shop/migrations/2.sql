-- Release 2.0.0: an order may have a discount.
ALTER TABLE orders ADD COLUMN discount INTEGER NOT NULL DEFAULT 0;
UPDATE orders SET discount = 10 WHERE cents > 5000;
INSERT INTO migrations VALUES (2, 'discounts');
