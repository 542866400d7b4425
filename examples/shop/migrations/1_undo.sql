-- Takes 1.sql back.
DROP TABLE orders;
DROP TABLE feature_flags;
DROP TABLE migrations;
