-- a column is passed on under another name
select amount as total from clean.orders
-- an expression is computed from its columns
select amount * n + 1 from clean.orders
-- a filter decides which rows there are
select order_id from clean.orders where day > date '2026-01-01' and amount > 0
-- a join decides which rows there are, and each column has one table
select o.amount, c.country from clean.orders o join clean.customers c on o.customer_id = c.customer_id
-- a column joined by using is the left one
select customer_id, country from clean.orders join clean.customers using (customer_id)
-- a column joined by using is the right one in a right join
select customer_id from clean.orders right join clean.customers using (customer_id)
-- a column joined by using is either one in a full join
select customer_id from clean.orders full join clean.customers using (customer_id)
-- a qualified column is its own table's even where using joins it
select o.customer_id as a, c.customer_id as b, customer_id as c from clean.orders o full join clean.customers c using (customer_id)
-- a second using joins the joined column again
select currency from clean.orders join clean.rates r using (currency) join clean.symbols using (currency)
-- a natural join joins what both have
select * from clean.rates natural join clean.symbols
-- a star gives every column, a joined one once
select * from clean.symbols join clean.rates using (currency)
-- a star can leave out, replace and rename
select * exclude (day) replace (rate * 2 as rate), r.* rename (rate as r2) from clean.rates r
-- a qualified exclusion gives the joined column its next place
select * exclude (s.currency) from clean.symbols s join clean.rates using (currency)
-- columns takes each column in turn
select min(columns(*)) from clean.rates
-- columns takes those whose names have the pattern
select columns('^r') + 1 as "new_\0" from clean.rates
-- columns takes a list of names
select columns(['rate', 'DAY']) from clean.rates
-- columns with a lambda is not followed
select columns(c -> c like 'r%'), currency from clean.rates
-- a star takes the columns whose names are like it
select * like '%r%', * not like '%r%' from clean.rates
-- unpacked columns are arguments of one call
select coalesce(*columns(* exclude (day))) as any_of from clean.symbols
-- a star without its table's columns leaves them out
select *, 1 as one from clean.unknown
-- a column of the only unknown table is its own
select x + 1 as y, t.z from clean.unknown t where w
-- a column is not guessed between two unknown tables
select x, a.y from clean.unknown a join clean.unknown2 b on a.id = b.id
-- a known table's column is found beside an unknown table
select rate, x from clean.rates, clean.unknown
-- a CTE passes columns on
with big as (select order_id as id, amount from clean.orders where amount > 100) select id, amount * 2 as twice from big
-- a CTE renames its columns
with c(a, b) as (select currency, rate from clean.rates) select a, b from c
-- a later CTE reads an earlier one, and an unused one decides nothing
with a as (select day, rate from clean.rates), b as (select rate as r from a where day is not null), c as (select name from clean.symbols) select r from b
-- an inner CTE hides an outer one
with a as (select rate as x from clean.rates) select (with a as (select name as x from clean.symbols) select max(x) from a) as n, x from a
-- a table with a layer is no CTE of that name
with rates as (select name as currency from clean.symbols) select r.rate, s.currency from clean.rates r, rates s
-- a recursive CTE has origins of start and step
with recursive r as (select order_id as id, 1 as depth, amount from clean.orders union all select r.id, depth + 1, r.amount + c.credit from r join clean.customers c on c.customer_id = r.id where depth < 5) select id, depth, amount from r
-- a recursive CTE hands origins on from column to column
with recursive r(a, b, c) as (select 1, 2, rate from clean.rates union all select b, c, c from r where a < 3) select a from r
-- a subquery in from passes columns on
select q.total from (select sum(amount) as total, currency from clean.orders group by currency) q where q.currency = 'EUR'
-- a subquery's columns can be renamed where it is read
select x, y from (select currency, rate from clean.rates) as q(x, y)
-- equal names in a subquery get numbers
select rate_1, currency from (select rate, day as rate, currency from clean.rates)
-- a scalar subquery is computed from what it selects and what decides its rows
select amount, (select max(rate) from clean.rates r where r.currency = o.currency) as best from clean.orders o
-- exists depends on what decides its rows
select exists (select 1 from clean.rates r where r.currency = s.currency) as is_rated from clean.symbols s
-- in depends on both sides
select name from clean.symbols where currency in (select currency from clean.rates where rate > 1)
-- a lateral subquery sees the tables before it
select q.gross from clean.orders o, lateral (select o.amount * r.rate as gross from clean.rates r where r.currency = o.currency) q
-- an inner column hides an outer one
select (select max(currency) from clean.symbols) as m from clean.rates
-- a union's column has origins of both sides by position
select currency as c, rate from clean.rates union all select name, credit from clean.symbols, clean.customers
-- a union that drops duplicates looks at every column
select currency, rate from clean.rates union select name, 1 from clean.symbols
-- a union by name matches names
select currency, rate from clean.rates union all by name select name as rate, currency from clean.symbols
-- except gives rows of the left side
select currency from clean.rates except select currency from clean.symbols
-- a window's value depends on its partition and order
select row_number() over (partition by currency order by day) as n, sum(rate) over w as s from clean.rates window w as (order by day)
-- qualify decides which rows there are
select name from clean.symbols qualify row_number() over (partition by currency order by name) = 1
-- an aggregate is computed from its argument, filter and order
select string_agg(currency, ',' order by day) filter (rate > 0) as list, count(*) as n from clean.rates
-- group by all groups by the columns without aggregates
select currency, upper(currency) as u, sum(amount) as total from clean.orders group by all
-- group by takes ordinals and aliases
select date_trunc('month', day) as month, currency as cur, count(*) as n from clean.orders group by 1, cur
-- rollup groups by its columns
select currency, day, sum(rate) as s from clean.rates group by rollup (currency, day)
-- having decides which rows there are
select currency, count(*) as n from clean.orders group by currency having sum(amount) > 10
-- having sees aliases before columns
select currency, max(day) as rate from clean.rates group by currency having rate > date '2020-01-01'
-- distinct looks at every column
select distinct currency, rate from clean.rates
-- distinct on looks at its targets and the order
select distinct on (currency) rate from clean.rates order by currency, day desc
-- order at the top decides nothing
select rate from clean.rates order by day
-- order with a limit decides which rows there are
select rate from clean.rates order by day limit 1
-- a lateral alias is the expression before it
select amount * 2 as twice, twice + 1 as more from clean.orders where more > 3
-- a column hides a lateral alias of its name
select day as amount, amount as real_amount from clean.orders
-- a subquery sees a lateral alias of the query around
select amount as zz, (select zz) as copy from clean.orders
-- a field of a struct is computed from the column
select address.city, o.address.zip, (address).city as c2, address['zip'] as z2 from clean.orders o
-- a star over a struct gives its fields
select address.* from clean.orders
-- an unnested list is computed from the column
select order_id, unnest(tags) as tag from clean.orders
-- an unnested struct gives its fields
select unnest(address), order_id from clean.orders
-- unnest in from gives a column that others can read
select u.tag, order_id from clean.orders o, unnest(o.tags) as u(tag)
-- a lambda's parameter is no column
select list_transform(tags, amount -> amount || currency) as t from clean.orders
-- a lambda with two parameters, and a list comprehension
select list_reduce(tags, (a, b) -> a || b || name) as r, [x for x in tags if x > country] as l from clean.orders, clean.customers
-- the arrow of JSON is no lambda
select currency -> 'a' as j from clean.rates
-- case depends on conditions and results
select case when day > date '2026-01-01' then amount else n end as x, case currency when 'EUR' then 1 end as y from clean.orders
-- values have no origins
select * from (values (1, 'a'), (2, 'b')) v(id, name)
-- values can be computed from tables before them
select v.x from clean.rates r, (values (r.rate), (r.rate + 1)) v(x)
-- a function in from has columns of its arguments
select i, rate from clean.rates, range(1, 5) as g(i)
-- an asof join decides which row is met
select o.amount, r.rate from clean.orders o asof join clean.rates r on o.currency = r.currency and o.day >= r.day
-- a positional join has no condition
select * from clean.symbols positional join clean.rates
-- a semi join only decides which rows there are
select * from clean.symbols semi join clean.rates using (currency)
-- an anti join only decides which rows there are
select name from clean.symbols s anti join clean.rates r on r.currency = s.currency
-- from can come first
from clean.rates
-- from can come first and be filtered
from clean.rates select currency where rate > 1
-- a pivot is not followed
select * from (select currency, rate, day from clean.rates) pivot (sum(rate) for currency in ('EUR', 'USD'))
-- names are compared without regard to case
select RATE, R.Currency from Clean.Rates r
-- a table without alias can be named with its layer
select clean.rates.rate, rates.day from clean.rates
-- two tables of one name are told apart by layer
select clean.rates.rate as a, raw.rates.rate as b from clean.rates, raw.rates
-- a whole row is computed from every column
select r from clean.rates r
-- a method call is computed from its receiver
select currency.lower() as c, r.currency.upper() as d from clean.rates r
-- a positional reference counts the columns of from
select #2, #4 from clean.rates, clean.symbols
-- an array of a subquery is computed from it
select array(select name from clean.symbols) as names
-- a struct is computed from its members
select {'a': rate, 'b': currency} as s, [rate, 1] as l from clean.rates
-- a correlated condition in a where clause is a filter
select name from clean.symbols s where 1 < (select count(*) from clean.rates r where r.currency = s.currency)
-- a join of subqueries and a CTE
with o as (select * from clean.orders) select o.day, sum(o.amount * r.rate) as revenue, c.country from o join clean.customers c using (customer_id) left join (select currency, avg(rate) as rate from clean.rates group by currency) r on r.currency = o.currency group by all
-- order inside a subquery decides for what reads it
select first(rate) as r from (select rate from clean.rates order by day)
-- current_date is no column
select current_date as today, day from clean.rates
