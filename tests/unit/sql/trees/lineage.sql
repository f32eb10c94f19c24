-- a column is passed on under another name
select amount as total from clean.orders
-- = total <- clean.orders.amount direct
-- an expression is computed from its columns
select amount * n + 1 from clean.orders
-- = ((amount * n) + 1) <- clean.orders.amount, clean.orders.n
-- a filter decides which rows there are
select order_id from clean.orders where day > date '2026-01-01' and amount > 0
-- = order_id <- clean.orders.order_id direct, clean.orders.day filter, clean.orders.amount filter
-- a join decides which rows there are, and each column has one table
select o.amount, c.country from clean.orders o join clean.customers c on o.customer_id = c.customer_id
-- = amount <- clean.orders.amount direct, clean.orders.customer_id filter, clean.customers.customer_id filter
-- = country <- clean.customers.country direct, clean.orders.customer_id filter, clean.customers.customer_id filter
-- a column joined by using is the left one
select customer_id, country from clean.orders join clean.customers using (customer_id)
-- = customer_id <- clean.orders.customer_id direct, clean.customers.customer_id filter
-- = country <- clean.customers.country direct, clean.orders.customer_id filter, clean.customers.customer_id filter
-- a column joined by using is the right one in a right join
select customer_id from clean.orders right join clean.customers using (customer_id)
-- = customer_id <- clean.customers.customer_id direct, clean.orders.customer_id filter
-- a column joined by using is either one in a full join
select customer_id from clean.orders full join clean.customers using (customer_id)
-- = customer_id <- clean.orders.customer_id, clean.customers.customer_id
-- a qualified column is its own table's even where using joins it
select o.customer_id as a, c.customer_id as b, customer_id as c from clean.orders o full join clean.customers c using (customer_id)
-- = a <- clean.orders.customer_id direct, clean.customers.customer_id filter
-- = b <- clean.customers.customer_id direct, clean.orders.customer_id filter
-- = c <- clean.orders.customer_id, clean.customers.customer_id
-- a second using joins the joined column again
select currency from clean.orders join clean.rates r using (currency) join clean.symbols using (currency)
-- = currency <- clean.orders.currency direct, clean.rates.currency filter, clean.symbols.currency filter
-- a natural join joins what both have
select * from clean.rates natural join clean.symbols
-- = currency <- clean.rates.currency direct, clean.symbols.currency filter
-- = day <- clean.rates.day direct, clean.rates.currency filter, clean.symbols.currency filter
-- = rate <- clean.rates.rate direct, clean.rates.currency filter, clean.symbols.currency filter
-- = name <- clean.symbols.name direct, clean.rates.currency filter, clean.symbols.currency filter
-- a star gives every column, a joined one once
select * from clean.symbols join clean.rates using (currency)
-- = currency <- clean.symbols.currency direct, clean.rates.currency filter
-- = name <- clean.symbols.name direct, clean.symbols.currency filter, clean.rates.currency filter
-- = day <- clean.rates.day direct, clean.symbols.currency filter, clean.rates.currency filter
-- = rate <- clean.rates.rate direct, clean.symbols.currency filter, clean.rates.currency filter
-- a star can leave out, replace and rename
select * exclude (day) replace (rate * 2 as rate), r.* rename (rate as r2) from clean.rates r
-- = currency <- clean.rates.currency direct
-- = rate <- clean.rates.rate
-- = currency_1 <- clean.rates.currency direct
-- = day <- clean.rates.day direct
-- = r2 <- clean.rates.rate direct
-- a qualified exclusion gives the joined column its next place
select * exclude (s.currency) from clean.symbols s join clean.rates using (currency)
-- = name <- clean.symbols.name direct, clean.symbols.currency filter, clean.rates.currency filter
-- = currency <- clean.symbols.currency direct, clean.rates.currency filter
-- = day <- clean.rates.day direct, clean.symbols.currency filter, clean.rates.currency filter
-- = rate <- clean.rates.rate direct, clean.symbols.currency filter, clean.rates.currency filter
-- columns takes each column in turn
select min(columns(*)) from clean.rates
-- = currency <- clean.rates.currency
-- = day <- clean.rates.day
-- = rate <- clean.rates.rate
-- columns takes those whose names have the pattern
select columns('^r') + 1 as "new_\0" from clean.rates
-- = new_rate <- clean.rates.rate
-- columns takes a list of names
select columns(['rate', 'DAY']) from clean.rates
-- = day <- clean.rates.day direct
-- = rate <- clean.rates.rate direct
-- columns with a lambda is not followed
select columns(c -> c like 'r%'), currency from clean.rates
-- = currency <- clean.rates.currency direct
-- = and unknown columns
-- a star takes the columns whose names are like it
select * like '%r%', * not like '%r%' from clean.rates
-- = currency <- clean.rates.currency direct
-- = rate <- clean.rates.rate direct
-- = day <- clean.rates.day direct
-- unpacked columns are arguments of one call
select coalesce(*columns(* exclude (name))) as any_of from clean.symbols
-- = any_of <- clean.symbols.currency
-- a star without its table's columns leaves them out
select *, 1 as one from clean.unknown
-- = one <-
-- = and unknown columns
-- a column of the only unknown table is its own
select x + 1 as y, t.z from clean.unknown t where w
-- = y <- clean.unknown.x, clean.unknown.w filter
-- = z <- clean.unknown.z direct, clean.unknown.w filter
-- a column is not guessed between two unknown tables
select x, a.y from clean.unknown a join clean.unknown2 b on a.id = b.id
-- = x <- clean.unknown.id filter, clean.unknown2.id filter
-- = y <- clean.unknown.y direct, clean.unknown.id filter, clean.unknown2.id filter
-- a known table's column is found beside an unknown table
select rate, x from clean.rates, clean.unknown
-- = rate <- clean.rates.rate direct
-- = x <- clean.unknown.x direct
-- a CTE passes columns on
with big as (select order_id as id, amount from clean.orders where amount > 100) select id, amount * 2 as twice from big
-- = id <- clean.orders.order_id direct, clean.orders.amount filter
-- = twice <- clean.orders.amount
-- a CTE renames its columns
with c(a, b) as (select currency, rate from clean.rates) select a, b from c
-- = a <- clean.rates.currency direct
-- = b <- clean.rates.rate direct
-- a later CTE reads an earlier one, and an unused one decides nothing
with a as (select day, rate from clean.rates), b as (select rate as r from a where day is not null), c as (select name from clean.symbols) select r from b
-- = r <- clean.rates.rate direct, clean.rates.day filter
-- an inner CTE hides an outer one
with a as (select rate as x from clean.rates) select (with a as (select name as x from clean.symbols) select max(x) from a) as n, x from a
-- = n <- clean.symbols.name
-- = x <- clean.rates.rate direct
-- a table with a layer is no CTE of that name
with rates as (select name as currency from clean.symbols) select r.rate, s.currency from clean.rates r, rates s
-- = rate <- clean.rates.rate direct
-- = currency <- clean.symbols.name direct
-- a recursive CTE has origins of start and step
with recursive r as (select order_id as id, 1 as depth, amount from clean.orders union all select r.id, depth + 1, r.amount + c.credit from r join clean.customers c on c.customer_id = r.id where depth < 5) select id, depth, amount from r
-- = id <- clean.orders.order_id direct, clean.customers.customer_id filter
-- = depth <- clean.customers.customer_id filter, clean.orders.order_id filter
-- = amount <- clean.orders.amount, clean.customers.credit, clean.customers.customer_id filter, clean.orders.order_id filter
-- a recursive CTE hands origins on from column to column
with recursive r(a, b, c) as (select 1, 2, rate from clean.rates union select b, c, c from r where a < 3) select a from r
-- = a <- clean.rates.rate direct
-- a subquery in from passes columns on
select q.total from (select sum(amount) as total, currency from clean.orders group by currency) q where q.currency = 'EUR'
-- = total <- clean.orders.amount, clean.orders.currency filter
-- a subquery's columns can be renamed where it is read
select x, y from (select currency, rate from clean.rates) as q(x, y)
-- = x <- clean.rates.currency direct
-- = y <- clean.rates.rate direct
-- equal names in a subquery get numbers
select rate_1, currency from (select rate, day as rate, currency from clean.rates)
-- = rate_1 <- clean.rates.day direct
-- = currency <- clean.rates.currency direct
-- a scalar subquery is computed from what it selects and what decides its rows
select amount, (select max(rate) from clean.rates r where r.currency = o.currency) as best from clean.orders o
-- = amount <- clean.orders.amount direct
-- = best <- clean.rates.currency, clean.orders.currency, clean.rates.rate
-- exists depends on what decides its rows
select exists (select 1 from clean.rates r where r.currency = s.currency) as is_rated from clean.symbols s
-- = is_rated <- clean.rates.currency, clean.symbols.currency
-- in depends on both sides
select name from clean.symbols where currency in (select currency from clean.rates where rate > 1)
-- = name <- clean.symbols.name direct, clean.symbols.currency filter, clean.rates.rate filter, clean.rates.currency filter
-- a lateral subquery sees the tables before it
select q.gross from clean.orders o, lateral (select o.amount * r.rate as gross from clean.rates r where r.currency = o.currency) q
-- = gross <- clean.orders.amount, clean.rates.rate, clean.rates.currency filter, clean.orders.currency filter
-- an inner column hides an outer one
select (select max(currency) from clean.symbols) as m from clean.rates
-- = m <- clean.symbols.currency
-- a union's column has origins of both sides by position
select currency as c, rate from clean.rates union all select name, credit from clean.symbols, clean.customers
-- = c <- clean.rates.currency direct, clean.symbols.name direct
-- = rate <- clean.rates.rate direct, clean.customers.credit direct
-- a union that drops duplicates looks at every column
select currency, rate from clean.rates union select name, 1 from clean.symbols
-- = currency <- clean.rates.currency direct, clean.symbols.name direct, clean.rates.rate filter
-- = rate <- clean.rates.rate direct, clean.rates.currency filter, clean.symbols.name filter
-- a union by name matches names
select currency, rate from clean.rates union all by name select name as rate, currency from clean.symbols
-- = currency <- clean.rates.currency direct, clean.symbols.currency direct
-- = rate <- clean.rates.rate direct, clean.symbols.name direct
-- except gives rows of the left side
select currency from clean.rates except select currency from clean.symbols
-- = currency <- clean.rates.currency direct, clean.symbols.currency filter
-- a window's value depends on its partition and order
select row_number() over (partition by currency order by day) as n, sum(rate) over w as s from clean.rates window w as (order by day)
-- = n <- clean.rates.currency, clean.rates.day
-- = s <- clean.rates.rate, clean.rates.day
-- qualify decides which rows there are
select name from clean.symbols qualify row_number() over (partition by currency order by name) = 1
-- = name <- clean.symbols.name direct, clean.symbols.currency filter
-- an aggregate is computed from its argument, filter and order
select string_agg(currency, ',' order by day) filter (rate > 0) as list, count(*) as n from clean.rates
-- = list <- clean.rates.currency, clean.rates.rate, clean.rates.day
-- = n <-
-- group by all groups by the columns without aggregates
select currency, upper(currency) as u, sum(amount) as total from clean.orders group by all
-- = currency <- clean.orders.currency direct
-- = u <- clean.orders.currency
-- = total <- clean.orders.amount, clean.orders.currency filter
-- group by takes ordinals and aliases
select date_trunc('month', day) as month, currency as cur, count(*) as n from clean.orders group by 1, cur
-- = month <- clean.orders.day, clean.orders.currency filter
-- = cur <- clean.orders.currency direct, clean.orders.day filter
-- = n <- clean.orders.day filter, clean.orders.currency filter
-- rollup groups by its columns
select currency, day, sum(rate) as s from clean.rates group by rollup (currency, day)
-- = currency <- clean.rates.currency direct, clean.rates.day filter
-- = day <- clean.rates.day direct, clean.rates.currency filter
-- = s <- clean.rates.rate, clean.rates.currency filter, clean.rates.day filter
-- having decides which rows there are
select currency, count(*) as n from clean.orders group by currency having sum(amount) > 10
-- = currency <- clean.orders.currency direct, clean.orders.amount filter
-- = n <- clean.orders.currency filter, clean.orders.amount filter
-- having sees aliases before columns
select currency, max(day) as rate from clean.rates group by currency having rate > date '2020-01-01'
-- = currency <- clean.rates.currency direct, clean.rates.day filter
-- = rate <- clean.rates.day, clean.rates.currency filter
-- distinct looks at every column
select distinct currency, rate from clean.rates
-- = currency <- clean.rates.currency direct, clean.rates.rate filter
-- = rate <- clean.rates.rate direct, clean.rates.currency filter
-- distinct on looks at its targets and the order
select distinct on (currency) rate from clean.rates order by currency, day desc
-- = rate <- clean.rates.rate direct, clean.rates.currency filter, clean.rates.day filter
-- order at the top decides nothing
select rate from clean.rates order by day
-- = rate <- clean.rates.rate direct
-- order with a limit decides which rows there are
select rate from clean.rates order by day limit 1
-- = rate <- clean.rates.rate direct, clean.rates.day filter
-- a lateral alias is the expression before it
select amount * 2 as twice, twice + 1 as more from clean.orders where more > 3
-- = twice <- clean.orders.amount
-- = more <- clean.orders.amount
-- a column hides a lateral alias of its name
select day as amount, amount as real_amount from clean.orders
-- = amount <- clean.orders.day direct
-- = real_amount <- clean.orders.amount direct
-- a subquery sees a lateral alias of the query around
select amount as zz, (select zz) as copy from clean.orders
-- = zz <- clean.orders.amount direct
-- = copy <- clean.orders.amount
-- a field of a struct is computed from the column
select address.city, o.address.zip, (address).city as c2, address['zip'] as z2 from clean.orders o
-- = city <- clean.orders.address
-- = zip <- clean.orders.address
-- = c2 <- clean.orders.address
-- = z2 <- clean.orders.address
-- a star over a struct gives its fields
select address.* from clean.orders
-- = city <- clean.orders.address
-- = zip <- clean.orders.address
-- an unnested list is computed from the column
select order_id, unnest(tags) as tag from clean.orders
-- = order_id <- clean.orders.order_id direct, clean.orders.tags filter
-- = tag <- clean.orders.tags
-- an unnested struct gives its fields
select unnest(address), order_id from clean.orders
-- = city <- clean.orders.address
-- = zip <- clean.orders.address
-- = order_id <- clean.orders.order_id direct, clean.orders.address filter
-- unnest in from gives a column that others can read
select u.tag, order_id from clean.orders o, unnest(o.tags) as u(tag)
-- = tag <- clean.orders.tags
-- = order_id <- clean.orders.order_id direct, clean.orders.tags filter
-- a lambda's parameter is no column
select list_transform(tags, amount -> amount || currency) as t from clean.orders
-- = t <- clean.orders.tags, clean.orders.currency
-- a lambda with two parameters, and a list comprehension
select list_reduce(tags, (a, b) -> a || b || name) as r, [x for x in tags if x > s.currency] as l from clean.orders, clean.symbols s
-- = r <- clean.orders.tags, clean.symbols.name
-- = l <- clean.orders.tags, clean.symbols.currency
-- the arrow of JSON is no lambda
select to_json(address) -> 'city' as j from clean.orders
-- = j <- clean.orders.address
-- case depends on conditions and results
select case when day > date '2026-01-01' then amount else n end as x, case currency when 'EUR' then 1 end as y from clean.orders
-- = x <- clean.orders.day, clean.orders.amount, clean.orders.n
-- = y <- clean.orders.currency
-- values have no origins
select * from (values (1, 'a'), (2, 'b')) v(id, name)
-- = id <-
-- = name <-
-- values can be computed from tables before them
select v.x from clean.rates r, (values (r.rate), (r.rate + 1)) v(x)
-- = x <- clean.rates.rate
-- a function in from has columns of its arguments
select i, rate from clean.rates, range(1, 5) as g(i)
-- = i <-
-- = rate <- clean.rates.rate direct
-- an asof join decides which row is met
select o.amount, r.rate from clean.orders o asof join clean.rates r on o.currency = r.currency and o.day >= r.day
-- = amount <- clean.orders.amount direct, clean.orders.currency filter, clean.rates.currency filter, clean.orders.day filter, clean.rates.day filter
-- = rate <- clean.rates.rate direct, clean.orders.currency filter, clean.rates.currency filter, clean.orders.day filter, clean.rates.day filter
-- a positional join has no condition
select * from clean.symbols positional join clean.rates
-- = currency <- clean.symbols.currency direct
-- = name <- clean.symbols.name direct
-- = currency_1 <- clean.rates.currency direct
-- = day <- clean.rates.day direct
-- = rate <- clean.rates.rate direct
-- a semi join only decides which rows there are
select * from clean.symbols semi join clean.rates using (currency)
-- = currency <- clean.symbols.currency direct, clean.rates.currency filter
-- = name <- clean.symbols.name direct, clean.symbols.currency filter, clean.rates.currency filter
-- an anti join only decides which rows there are
select name from clean.symbols s anti join clean.rates r on r.currency = s.currency
-- = name <- clean.symbols.name direct, clean.rates.currency filter, clean.symbols.currency filter
-- from can come first
from clean.rates
-- = currency <- clean.rates.currency direct
-- = day <- clean.rates.day direct
-- = rate <- clean.rates.rate direct
-- from can come first and be filtered
from clean.rates select currency where rate > 1
-- = currency <- clean.rates.currency direct, clean.rates.rate filter
-- a pivot is not followed
select * from (select currency, rate, day from clean.rates) pivot (sum(rate) for currency in ('EUR', 'USD'))
-- = and unknown columns
-- names are compared without regard to case
select RATE, R.Currency from Clean.Rates r
-- = rate <- clean.rates.rate direct
-- = currency <- clean.rates.currency direct
-- a table without alias can be named with its layer
select clean.rates.rate, rates.day from clean.rates
-- = rate <- clean.rates.rate direct
-- = day <- clean.rates.day direct
-- two tables of one name are told apart by layer
select clean.rates.rate as a, raw.rates.rate as b from clean.rates, raw.rates
-- = a <- clean.rates.rate direct
-- = b <- raw.rates.rate direct
-- a whole row is computed from every column
select r from clean.rates r
-- = r <- clean.rates.currency, clean.rates.day, clean.rates.rate
-- a method call is computed from its receiver
select currency.lower() as c, r.currency.upper() as d from clean.rates r
-- = c <- clean.rates.currency
-- = d <- clean.rates.currency
-- a positional reference counts the columns of from
select #2, #4 from clean.rates, clean.symbols
-- = day <- clean.rates.day direct
-- = currency <- clean.symbols.currency direct
-- an array of a subquery is computed from it
select array(select name from clean.symbols) as names
-- = names <- clean.symbols.name
-- a struct is computed from its members
select {'a': rate, 'b': currency} as s, [rate, 1] as l from clean.rates
-- = s <- clean.rates.rate, clean.rates.currency
-- = l <- clean.rates.rate
-- a correlated condition in a where clause is a filter
select name from clean.symbols s where 1 < (select count(*) from clean.rates r where r.currency = s.currency)
-- = name <- clean.symbols.name direct, clean.rates.currency filter, clean.symbols.currency filter
-- a join of subqueries and a CTE
with o as (select * from clean.orders) select o.day, sum(o.amount * r.rate) as revenue, c.country from o join clean.customers c using (customer_id) left join (select currency, avg(rate) as rate from clean.rates group by currency) r on r.currency = o.currency group by all
-- = day <- clean.orders.day direct, clean.orders.customer_id filter, clean.customers.customer_id filter, clean.rates.currency filter, clean.orders.currency filter, clean.customers.country filter
-- = revenue <- clean.orders.amount, clean.rates.rate, clean.orders.customer_id filter, clean.customers.customer_id filter, clean.rates.currency filter, clean.orders.currency filter, clean.orders.day filter, clean.customers.country filter
-- = country <- clean.customers.country direct, clean.orders.customer_id filter, clean.customers.customer_id filter, clean.rates.currency filter, clean.orders.currency filter, clean.orders.day filter
-- order inside a subquery decides for what reads it
select first(rate) as r from (select rate from clean.rates order by day)
-- = r <- clean.rates.rate, clean.rates.day filter
-- current_date is no column
select current_date as today, day from clean.rates
-- = today <-
-- = day <- clean.rates.day direct
-- a column's own name wins over how it is written
select CURRENCY, R.Rate as "Rate" from clean.rates r
-- = currency <- clean.rates.currency direct
-- = Rate <- clean.rates.rate direct
