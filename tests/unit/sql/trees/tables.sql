-- tables are given once, in order of appearance
select * from clean.orders o join clean.customers c on true where exists (from clean.orders) and o.n in (select n from raw.rates)
-- = clean orders at 1:15, 2
-- = clean customers at 1:35, 1
-- = raw rates at 1:120, 1
-- names are in lower case
select * from Clean."Orders"
-- = clean orders at 1:15, 1
-- a table without a layer has none
select * from orders join clean.customers using (customer_id)
-- = - orders at 1:15, 1
-- = clean customers at 1:27, 1
-- a CTE is no table, where it can be seen
with orders as (select * from clean.orders) select * from orders, (with c as (select 1) select * from c) x
-- = clean orders at 1:31, 1
-- a CTE does not see itself or later ones
with a as (select * from a), b as (select * from c), c as (select * from a) select * from b, c
-- = - a at 1:26, 1
-- = - c at 1:50, 1
-- a recursive CTE sees itself
with recursive r as (select 1 as n union all select n + 1 from r, recurring.r where n < 3) select * from r
-- a CTE cannot be seen outside its query
select * from (with c as (select 1) select * from c) x, c
-- = - c at 1:57, 1
-- a table with a layer is no CTE
with orders as (select 1) select * from clean.orders, orders
-- = clean orders at 1:41, 1
-- table functions are no tables
select * from range(3), unnest([1]), read_csv('/a.csv')
-- = file '/a.csv'
-- files are named by texts, in lists too, anywhere, or computed
select (select max(x) from parquet_scan('/lake/*.parquet')) from read_json(['/a.json', 'b' || '.json'], format = 'auto') where x in (select file from glob('/*'))
-- = file '/lake/*.parquet'
-- = file '/a.json'
-- = file ''
-- a relative path leads somewhere else from each folder
select * from read_csv('/b.csv', delim = 'a'), read_csv(['/a.csv', 'a.csv']), x.y
-- = SL0402 1:48 read_csv() reads 'a.csv', which is no whole path: where it leads depends on the folder that sluice is started in
-- a table in every kind of clause
select (select max(x) from clean.a), row_number() over (partition by (select x from clean.b)) from clean.c where x in (select x from clean.d) group by (select x from clean.e) having (select true from clean.f) qualify (select true from clean.g) order by (select x from clean.h) limit (select 1 from clean.i)
-- = clean a at 1:28, 1
-- = clean b at 1:85, 1
-- = clean c at 1:100, 1
-- = clean d at 1:134, 1
-- = clean e at 1:167, 1
-- = clean f at 1:201, 1
-- = clean g at 1:236, 1
-- = clean h at 1:269, 1
-- = clean i at 1:299, 1
-- tables of set operations and pivots
select x from clean.a union (select x from clean.b except select x from clean.c) union all select * from (pivot clean.d on x in (1) using sum(y))
-- = clean a at 1:15, 1
-- = clean b at 1:44, 1
-- = clean c at 1:73, 1
-- = clean d at 1:113, 1
-- a database in front of a layer makes another name
select * from db.clean.orders
-- = db.clean orders at 1:15, 1
-- a file is a table without a layer
select * from 'data/orders.csv'
-- = - data/orders.csv at 1:15, 1
-- places count lines and characters
select 'äöü' as "ß",
       1 from clean.orders
-- = clean orders at 2:15, 1
-- a syntax error has its place
select a, from from clean.orders
-- = SL0401 1:16 syntax error at or near "from"
-- a syntax error's place counts characters
select 'ääää', 1 1 from clean.orders
-- = SL0401 1:18 syntax error at or near "1"
-- a syntax error on a later line
select a
  from clean.orders
 where whre 1
-- = SL0401 3:13 syntax error at or near "1"
-- another statement is no model
insert into clean.orders values (1)
-- = SL0405 1:1 a model is a single SELECT, and this is another statement
-- a pivot without its values is no model
pivot clean.orders on currency using sum(amount)
-- = SL0405 1:1 a model is a single SELECT, and this is another statement
-- two statements are no model
select 1; select 2
-- = SL0405 1:1 a model is a single SELECT, and there are 2 statements
-- a describe is no model
describe clean.orders
-- = SL0405 1:1 a model cannot read from DESCRIBE, SUMMARIZE or SHOW
-- a summary of a table is no model
select * from (summarize clean.orders)
-- = SL0405 1:1 a model cannot read from DESCRIBE, SUMMARIZE or SHOW
-- a query in a text hides its tables
select * from query('select * from clean.orders')
-- = SL0402 1:15 query() hides the tables that it reads
-- a table in a text is hidden
select * from clean.customers, query_table('clean.orders')
-- = SL0402 1:32 query_table() hides the tables that it reads
-- nothing is no model

-- = SL0405 1:1 a model is a single SELECT, and there is none
-- only a comment is no model
/* sluice */
-- = SL0405 1:1 a model is a single SELECT, and there is none
-- a semicolon at the end is fine
select 1 from clean.orders;
-- = clean orders at 1:15, 1
