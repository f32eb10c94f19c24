-- a projection is row-wise
select order_id, day, amount * 2 as twice from clean.orders
-- = driving: clean.orders
-- = row-wise: yes
-- = local: yes
-- = day: "day"
-- a filter is row-wise
select order_id, day from clean.orders where amount > 10 and currency in ('EUR', 'USD')
-- = driving: clean.orders
-- = row-wise: yes
-- = local: yes
-- = day: "day"
-- an inner join to other tables is row-wise
select o.day, c.country, o.amount from clean.orders o join clean.customers c using (customer_id)
-- = driving: clean.orders
-- = row-wise: yes
-- = local: yes
-- = day: "day"
-- a left join from the driving table is row-wise
select o.day, r.rate from clean.orders o left join clean.rates r on r.currency = o.currency and r.day = o.day
-- = driving: clean.orders
-- = row-wise: yes
-- = local: yes
-- = day: "day"
-- a right join makes the driving table optional
select o.day, r.rate from clean.orders o right join clean.rates r on r.currency = o.currency
-- = driving: clean.orders
-- = row-wise: its first table is on the optional side of an outer join
-- = local: its first table is on the optional side of an outer join
-- a full join makes the driving table optional
select o.day, r.rate from clean.orders o full join clean.rates r on r.currency = o.currency
-- = driving: clean.orders
-- = row-wise: its first table is on the optional side of an outer join
-- = local: its first table is on the optional side of an outer join
-- a left join further on that has the driving table on the left
select o.day, c.country, r.rate from clean.orders o join clean.customers c using (customer_id) left join clean.rates r using (currency)
-- = driving: clean.orders
-- = row-wise: yes
-- = local: yes
-- = day: "day"
-- a right join further on
select o.day, c.country, r.rate from clean.orders o join clean.customers c using (customer_id) right join clean.rates r using (currency)
-- = driving: clean.orders
-- = row-wise: its first table is on the optional side of an outer join
-- = local: its first table is on the optional side of an outer join
-- a semi join is row-wise
select day, order_id from clean.orders semi join clean.customers using (customer_id)
-- = driving: clean.orders
-- = row-wise: yes
-- = local: yes
-- = day: "day"
-- an anti join is row-wise
select day, order_id from clean.orders o anti join clean.customers c on c.customer_id = o.customer_id
-- = driving: clean.orders
-- = row-wise: yes
-- = local: yes
-- = day: "day"
-- an anti join's driving table is the one on the left
select c.customer_id, c.country as day from clean.customers c anti join clean.orders o on c.customer_id = o.customer_id
-- = driving: clean.customers
-- = row-wise: yes
-- = local: yes
-- = day: country
-- an asof join from the driving table is row-wise
select o.day, o.order_id, r.rate from clean.orders o asof join clean.rates r on o.currency = r.currency and o.day >= r.day
-- = driving: clean.orders
-- = row-wise: yes
-- = local: yes
-- = day: "day"
-- a positional join goes by place
select o.day, s.name from clean.orders o positional join clean.symbols s
-- = driving: clean.orders
-- = row-wise: it joins by position
-- = local: it joins by position
-- an aggregate by the partition is local
select day, currency, sum(amount) as total from clean.orders group by all
-- = driving: clean.orders
-- = row-wise: it aggregates
-- = local: yes
-- = day: "day"
-- an aggregate without the partition crosses it
select currency, max(day) as day, sum(amount) as total from clean.orders group by currency
-- = driving: clean.orders
-- = row-wise: it aggregates
-- = local: 'day' is not an expression over clean.orders
-- an aggregate of everything crosses every partition
select max(day) as day, count(*) as n from clean.orders
-- = driving: clean.orders
-- = row-wise: it aggregates
-- = local: 'day' is not an expression over clean.orders
-- having alone makes one group
select date '2026-01-01' as day from clean.orders having count(*) > 0
-- = driving: clean.orders
-- = row-wise: it aggregates
-- = local: 'day' is not an expression over clean.orders
-- an aggregate by a finer column of the partition's expression is local
select date_trunc('month', day) as day, day as d, sum(amount) as total from clean.orders group by day
-- = driving: clean.orders
-- = row-wise: it aggregates
-- = local: yes
-- = day: date_trunc('month', "day")
-- an aggregate by the partition's expression is local
select date_trunc('month', day) as day, sum(amount) as total from clean.orders group by 1
-- = driving: clean.orders
-- = row-wise: it aggregates
-- = local: yes
-- = day: date_trunc('month', "day")
-- an aggregate by an alias of the partition's expression is local
select date_trunc('month', ts) as day, count(*) as n from (select ts from clean.orders) group by day
-- = driving: clean.orders
-- = row-wise: it aggregates
-- = local: yes
-- = day: date_trunc('month', ts)
-- a column of the same name hides the alias in group by
select date_trunc('month', ts) as ts, day, count(*) as n from clean.orders group by ts, day
-- = driving: clean.orders
-- = row-wise: it aggregates
-- = local: yes
-- = day: "day"
-- a coarser group than the partition crosses it
select min(day) as day, date_trunc('month', day) as month from clean.orders group by month
-- = driving: clean.orders
-- = row-wise: it aggregates
-- = local: 'day' is not an expression over clean.orders
-- rollup with the partition in every set is local
select day, currency, sum(amount) as total from clean.orders group by day, rollup (currency)
-- = driving: clean.orders
-- = row-wise: it aggregates
-- = local: yes
-- = day: "day"
-- rollup of the partition has subtotals across it
select day, currency, sum(amount) as total from clean.orders group by rollup (day, currency)
-- = driving: clean.orders
-- = row-wise: it aggregates
-- = local: 'day' is not an expression over clean.orders
-- grouping sets without the partition cross it
select day, currency, sum(amount) as total from clean.orders group by grouping sets ((day), (currency))
-- = driving: clean.orders
-- = row-wise: it aggregates
-- = local: 'day' is not an expression over clean.orders
-- distinct with the partition is local
select distinct day, currency from clean.orders
-- = driving: clean.orders
-- = row-wise: it removes duplicates
-- = local: yes
-- = day: "day"
-- distinct without the partition is not
select distinct currency from clean.orders
-- = driving: clean.orders
-- = row-wise: it removes duplicates
-- = local: 'day' is not a column of it
-- distinct on the partition is local
select distinct on (day, currency) day, currency, amount from clean.orders order by order_id
-- = driving: clean.orders
-- = row-wise: it removes duplicates
-- = local: yes
-- = day: "day"
-- distinct on something else crosses partitions
select distinct on (currency) day, currency from clean.orders order by order_id
-- = driving: clean.orders
-- = row-wise: it removes duplicates
-- = local: DISTINCT crosses partitions
-- a window by the partition is local
select day, order_id, row_number() over (partition by day, currency order by order_id) as rn from clean.orders
-- = driving: clean.orders
-- = row-wise: it uses a window
-- = local: yes
-- = day: "day"
-- a window across partitions is not
select day, order_id, sum(amount) over (partition by currency order by order_id) as running from clean.orders
-- = driving: clean.orders
-- = row-wise: it uses a window
-- = local: a window crosses partitions
-- a window in qualify counts as well
select day, order_id from clean.orders qualify row_number() over (partition by currency order by order_id) = 1
-- = driving: clean.orders
-- = row-wise: it uses a window
-- = local: a window crosses partitions
-- a window by the partition in qualify is local
select day, order_id from clean.orders qualify row_number() over (partition by day order by order_id) = 1
-- = driving: clean.orders
-- = row-wise: it uses a window
-- = local: yes
-- = day: "day"
-- a window over an aggregate by the partition is local
select day, currency, sum(amount) / sum(sum(amount)) over (partition by day) as share from clean.orders group by day, currency
-- = driving: clean.orders
-- = row-wise: it aggregates
-- = local: yes
-- = day: "day"
-- a window over an aggregate across partitions is not
select day, sum(amount) - lag(sum(amount)) over (order by day) as change from clean.orders group by day
-- = driving: clean.orders
-- = row-wise: it aggregates
-- = local: a window crosses partitions
-- deduplication in a subquery by another key crosses partitions
select day, order_id, amount from (select *, row_number() over (partition by order_id order by ts desc) as rn from clean.orders) where rn = 1
-- = driving: clean.orders
-- = row-wise: it uses a window
-- = local: a window crosses partitions
-- deduplication in a CTE within the partition is local
with latest as (select *, row_number() over (partition by day, order_id order by ts desc) as rn from clean.orders) select day, order_id, amount from latest where rn = 1
-- = driving: clean.orders
-- = row-wise: it uses a window
-- = local: yes
-- = day: "day"
-- a limit is neither
select day, order_id from clean.orders order by amount limit 2
-- = driving: clean.orders
-- = row-wise: it limits the number of rows
-- = local: it limits the number of rows
-- an ordered, limited subquery is neither
select day, amount from (select * from clean.orders order by amount limit 2)
-- = driving: clean.orders
-- = row-wise: it limits the number of rows
-- = local: it limits the number of rows
-- an order at the top is harmless
select day, order_id from clean.orders order by amount
-- = driving: clean.orders
-- = row-wise: yes
-- = local: yes
-- = day: "day"
-- a union is not followed
select day, order_id from clean.orders union all select day, 0 from clean.rates
-- = driving: clean.orders
-- = row-wise: it combines queries by UNION, INTERSECT or EXCEPT
-- = local: it combines queries by UNION, INTERSECT or EXCEPT
-- a CTE that is read twice reads the driving table twice
with o as (select day, amount, order_id from clean.orders) select a.day, b.amount from o a join o b on a.order_id < b.order_id
-- = driving: none
-- = row-wise: it reads clean.orders more than once
-- = local: it reads clean.orders more than once
-- a self join reads the driving table twice
select a.day, b.amount from clean.orders a join clean.orders b on a.order_id = b.order_id + 1
-- = driving: none
-- = row-wise: it reads clean.orders more than once
-- = local: it reads clean.orders more than once
-- exists over the driving table reads it twice
select day, order_id from clean.orders o where exists (select 1 from clean.orders p where p.order_id > o.order_id)
-- = driving: none
-- = row-wise: it reads clean.orders more than once
-- = local: it reads clean.orders more than once
-- a scalar subquery over the driving table reads it twice
select day, amount from clean.orders where day = (select max(day) from clean.orders)
-- = driving: none
-- = row-wise: it reads clean.orders more than once
-- = local: it reads clean.orders more than once
-- exists over another table is row-wise
select day, order_id from clean.orders o where exists (select 1 from clean.rates r where r.currency = o.currency)
-- = driving: clean.orders
-- = row-wise: yes
-- = local: yes
-- = day: "day"
-- in over another table is row-wise
select day, order_id from clean.orders where currency not in (select currency from clean.symbols)
-- = driving: clean.orders
-- = row-wise: yes
-- = local: yes
-- = day: "day"
-- a correlated aggregate over another table is row-wise
select day, amount * (select max(rate) from clean.rates r where r.currency = o.currency) as best from clean.orders o
-- = driving: clean.orders
-- = row-wise: yes
-- = local: yes
-- = day: "day"
-- an aggregate in a subquery over the outer query's column is one of the outer query
select (select max(o.day)) as day from clean.orders o
-- = driving: clean.orders
-- = row-wise: it aggregates in a subquery
-- = local: it aggregates in a subquery
-- an aggregate in a subquery with a table of its own is still the outer query's
select (select max(o.amount) from clean.symbols where name = 'euro') as day from clean.orders o
-- = driving: clean.orders
-- = row-wise: it aggregates in a subquery
-- = local: it aggregates in a subquery
-- a lateral subquery is row-wise
select o.day, q.gross from clean.orders o, lateral (select o.amount * r.rate as gross from clean.rates r where r.currency = o.currency) q
-- = driving: clean.orders
-- = row-wise: yes
-- = local: yes
-- = day: "day"
-- unnest is row-wise
select day, order_id, unnest(tags) as tag from clean.orders
-- = driving: clean.orders
-- = row-wise: yes
-- = local: yes
-- = day: "day"
-- unnest in from is row-wise
select o.day, t.tag from clean.orders o, unnest(o.tags) t(tag)
-- = driving: clean.orders
-- = row-wise: yes
-- = local: yes
-- = day: "day"
-- the driving table through a subquery and a CTE
with o as (select day as d, amount from clean.orders where amount > 5) select q.d as day, q.amount from (select * from o) q join clean.rates r on r.day = q.d
-- = driving: clean.orders
-- = row-wise: yes
-- = local: yes
-- = day: "day"
-- a CTE of another table may be read twice
with r as (select currency, max(rate) as rate from clean.rates group by currency) select o.day, a.rate + b.rate as x from clean.orders o join r a using (currency) join r b using (currency)
-- = driving: clean.orders
-- = row-wise: yes
-- = local: yes
-- = day: "day"
-- a partition column of another table is no expression over the driving one
select r.day, o.amount from clean.orders o join clean.rates r using (currency)
-- = driving: clean.orders
-- = row-wise: yes
-- = local: 'day' is not an expression over clean.orders
-- a joined partition column is the driving table's
select day, o.amount, r.rate from clean.orders o join clean.rates r using (currency, day)
-- = driving: clean.orders
-- = row-wise: yes
-- = local: yes
-- = day: "day"
-- a partition column made of two tables
select o.day + cast(r.rate as integer) as day, o.amount from clean.orders o join clean.rates r using (currency)
-- = driving: clean.orders
-- = row-wise: yes
-- = local: 'day' is not an expression over clean.orders
-- a constant partition column
select date '2026-01-01' as day, amount from clean.orders
-- = driving: clean.orders
-- = row-wise: yes
-- = local: 'day' is not an expression over clean.orders
-- without a partition column
select order_id from clean.orders
-- = driving: clean.orders
-- = row-wise: yes
-- = local: 'day' is not a column of it
-- a partition column that an outer join makes null
select q.day, s.name from clean.symbols s left join (select day, currency from clean.orders) q using (currency)
-- = driving: clean.symbols
-- = row-wise: yes
-- = local: 'day' is not an expression over clean.symbols
-- a time-dependent filter is neither
select day, order_id from clean.orders where day > current_date - 30
-- = driving: clean.orders
-- = row-wise: it reads current_date
-- = local: it reads current_date
-- = volatile: it reads current_date
-- = every run: it reads current_date
-- a volatile column alone is row-wise
select day, order_id, now() as loaded_at from clean.orders
-- = driving: clean.orders
-- = row-wise: yes
-- = local: yes
-- = day: "day"
-- = volatile: it calls now()
-- a volatile column that decides is neither
select day, order_id, current_date as today from clean.orders where day < today
-- = driving: clean.orders
-- = row-wise: it reads current_date
-- = local: it reads current_date
-- = volatile: it reads current_date
-- = every run: it reads current_date
-- a volatile unnest is neither
select day, unnest(range(cast(random() * 3 as integer))) as i from clean.orders
-- = driving: clean.orders
-- = row-wise: it calls random()
-- = local: it calls random()
-- = volatile: it calls random()
-- a volatile column of a subquery is neither
select day, order_id from (select *, random() as chance from clean.orders) where chance < 0.5
-- = driving: clean.orders
-- = row-wise: it calls random()
-- = local: it calls random()
-- = volatile: it calls random()
-- a sample is neither
select day, order_id from clean.orders using sample 50%
-- = driving: clean.orders
-- = row-wise: it takes a sample
-- = local: it takes a sample
-- = volatile: it takes a sample
-- a sampled table is neither
select day, order_id from clean.orders tablesample 50%
-- = driving: clean.orders
-- = row-wise: it takes a sample
-- = local: it takes a sample
-- = volatile: it takes a sample
-- a file that is read is volatile
select o.day, f.content from clean.orders o join read_text('/dev/null') f on true
-- = driving: clean.orders
-- = row-wise: it reads what read_text() gives
-- = local: it reads what read_text() gives
-- = volatile: it reads what read_text() gives
-- = every run: it reads what read_text() gives
-- the age until now is volatile
select day, order_id from clean.orders where age(ts) > interval 1 year
-- = driving: clean.orders
-- = row-wise: it calls age()
-- = local: it calls age()
-- = volatile: it calls age()
-- = every run: it calls age()
-- an age between two times is not
select day, age(ts, timestamp '2020-01-01') as a from clean.orders
-- = driving: clean.orders
-- = row-wise: yes
-- = local: yes
-- = day: "day"
-- a recursive CTE in first place is neither
with recursive r as (select day, order_id from clean.orders union all select day, order_id + 1 from r where order_id < 0) select day, order_id from r
-- = driving: none
-- = row-wise: it is recursive
-- = local: it is recursive
-- a recursive CTE of other tables is row-wise
with recursive r(i) as (select 1 union all select i + 1 from r where i < 3) select day, i from clean.orders, r
-- = driving: clean.orders
-- = row-wise: yes
-- = local: yes
-- = day: "day"
-- a pivot in first place is neither
select * from (select day, currency, amount from clean.orders) pivot (sum(amount) for currency in ('EUR', 'USD') group by day)
-- = driving: none
-- = row-wise: it pivots
-- = local: it pivots
-- values in first place have no driving table
select o.day, v.x from (values (1), (2)) v(x), clean.orders o
-- = driving: none
-- = row-wise: its FROM does not begin with a table
-- = local: its FROM does not begin with a table
-- no table at all
select 1 as x, date '2026-01-01' as day
-- = driving: none
-- = row-wise: its FROM does not begin with a table
-- = local: its FROM does not begin with a table
-- an ordered aggregate within the partition is local
select day, list(order_id order by ts) as ids, first(amount) as f from clean.orders group by day
-- = driving: clean.orders
-- = row-wise: it aggregates
-- = local: yes
-- = day: "day"
-- a group by in a subquery and another around it
select day, max(total) as top from (select day, currency, sum(amount) as total from clean.orders group by all) group by day
-- = driving: clean.orders
-- = row-wise: it aggregates
-- = local: yes
-- = day: "day"
-- a group by in a subquery that loses the partition
select max(day) as day, currency from (select day, currency, sum(amount) as total from clean.orders group by all) group by currency
-- = driving: clean.orders
-- = row-wise: it aggregates
-- = local: 'day' is not an expression over clean.orders
-- a case expression as partition
select case when amount > 10 then 'big' else 'small' end as day, sum(amount) as total from clean.orders group by 1
-- = driving: clean.orders
-- = row-wise: it aggregates
-- = local: yes
-- = day: CASE  WHEN ((amount > 10)) THEN ('big') ELSE 'small' END
-- a struct field as partition is not followed
select address.city as day, sum(amount) as total from clean.orders group by all
-- = driving: clean.orders
-- = row-wise: it aggregates
-- = local: 'day' is not an expression over clean.orders
-- a partition by two columns' expression, grouped by both
select coalesce(currency, 'none') || n as day, currency, n, sum(amount) as total from clean.orders group by coalesce(currency, 'none') || n, currency, n
-- = driving: clean.orders
-- = row-wise: it aggregates
-- = local: yes
-- = day: (COALESCE(currency, 'none') || n)
-- grouped by all columns of the partition's expression
select max(concat(currency, n)) as x, concat(currency, n) as day, currency, n from clean.orders group by currency, n
-- = driving: clean.orders
-- = row-wise: it aggregates
-- = local: yes
-- = day: concat(currency, n)
-- grouped by only one of the columns of the partition's expression
select any_value(n) as m, any_value(concat(currency, n)) as day from clean.orders group by currency
-- = driving: clean.orders
-- = row-wise: it aggregates
-- = local: 'day' is not an expression over clean.orders
-- columns over a group
select day, max(columns(* exclude (day, address, tags))) from clean.orders group by day
-- = driving: clean.orders
-- = row-wise: it aggregates
-- = local: yes
-- = day: "day"
-- a second read through another CTE
with c as (select distinct customer_id from clean.orders) select o.day, o.order_id from clean.orders o join c using (customer_id)
-- = driving: none
-- = row-wise: it reads clean.orders more than once
-- = local: it reads clean.orders more than once
-- a column hides the partition's alias in a window
select date_trunc('month', day) as day, sum(amount) over (partition by day) as total from clean.orders
-- = driving: clean.orders
-- = row-wise: it uses a window
-- = local: yes
-- = day: date_trunc('month', "day")
-- a lateral window over another table is row-wise
select o.day, q.r from clean.orders o, lateral (select row_number() over (order by rate) as r from clean.rates r where r.currency = o.currency) q
-- = driving: clean.orders
-- = row-wise: yes
-- = local: yes
-- = day: "day"
-- a nested join on the right
select o.day, s.name from clean.orders o left join (clean.rates r right join clean.symbols s using (currency)) on r.currency = o.currency
-- = driving: clean.orders
-- = row-wise: yes
-- = local: yes
-- = day: "day"
-- a nested join on the left that makes the driving table optional
select o.day, c.country from (clean.orders o right join clean.rates r using (currency)) join clean.customers c using (customer_id)
-- = driving: clean.orders
-- = row-wise: its first table is on the optional side of an outer join
-- = local: its first table is on the optional side of an outer join
-- a limit in a subquery over another table
select o.day, q.rate from clean.orders o, (select rate from clean.rates order by rate, currency limit 1) q
-- = driving: clean.orders
-- = row-wise: yes
-- = local: yes
-- = day: "day"
-- a correlated count of another table
select day, (select count(*) from clean.rates r where r.currency = o.currency) as n from clean.orders o
-- = driving: clean.orders
-- = row-wise: yes
-- = local: yes
-- = day: "day"
-- an unused CTE that reads the driving table is counted all the same
with unused as (select * from clean.orders) select day, order_id from clean.orders
-- = driving: none
-- = row-wise: it reads clean.orders more than once
-- = local: it reads clean.orders more than once
-- a set operation inside the first place
select day, order_id from (select * from clean.orders except select * from clean.orders) q
-- = driving: none
-- = row-wise: it reads clean.orders more than once
-- = local: it reads clean.orders more than once
-- a union of other tables is row-wise beside the driving table
select o.day, q.currency from clean.orders o join (select currency from clean.rates union select currency from clean.symbols) q using (currency)
-- = driving: clean.orders
-- = row-wise: yes
-- = local: yes
-- = day: "day"
-- the clock in a condition decides, whatever is random beside it
select day, random() as r, count(*) as n from clean.orders where day >= today() - 7 group by all
-- = driving: clean.orders
-- = row-wise: it calls today()
-- = local: it calls today()
-- = volatile: it calls random()
-- = every run: it calls today()
-- a file in a column decides what is in it
select day, (select content from read_text('/dev/null')) as most from clean.orders
-- = driving: clean.orders
-- = row-wise: yes
-- = local: yes
-- = day: "day"
-- = volatile: it reads what read_text() gives
-- = every run: it reads what read_text() gives
-- the clock in a union decides in each of its parts
select day, now() as at from clean.orders union all select day, now() from clean.rates
-- = driving: clean.orders
-- = row-wise: it combines queries by UNION, INTERSECT or EXCEPT
-- = local: it combines queries by UNION, INTERSECT or EXCEPT
-- = volatile: it calls now()
-- = every run: it calls now()
-- chance is no clock
select day from clean.orders where random() < 0.5
-- = driving: clean.orders
-- = row-wise: it calls random()
-- = local: it calls random()
-- = volatile: it calls random()
