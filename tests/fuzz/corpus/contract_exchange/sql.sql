-- the shop; with a ';' in a comment
CREATE SCHEMA shop;
CREATE TABLE shop.customers (id integer PRIMARY KEY, email varchar(20) UNIQUE, "a;b" text);
COMMENT ON TABLE shop.customers IS 'Who buys';
CREATE TABLE orders (
  id bigint NOT NULL, -- its number
  line smallint,
  amount numeric(9,2) DEFAULT 1.50 CHECK (amount >= 0.01 AND amount < 1000),
  status varchar(10) DEFAULT 'new' CHECK (status IN ('new', 'paid')),
  day date CHECK (day >= '2020-01-01'),
  code text CHECK (regexp_matches(code, '^[A-Z]+') AND length(code) BETWEEN 2 AND 9),
  data jsonb,
  created timestamptz DEFAULT now(),
  nested STRUCT(a int, b varchar[]),
  PRIMARY KEY (line, id), UNIQUE (status, day), CHECK (amount > id)
);
COMMENT ON COLUMN orders.code IS 'A code';
INSERT INTO orders (id) VALUES (1);
