/* sluice
description: Revenue per day, country and currency, without cancelled orders
owner: finance@example.com
consumers: [board]
grain: [day, country, currency]
volume: 40 rows a day
growth: none
frequency: daily
freshness: 26h
retention: 3650d
compliance: [none]
write: partition
partition_by: [day]
checks:
  - not_null: [day, country, revenue]
  - unique: [day, country, currency]
  - expression: revenue >= 0
*/
select o.order_date as day, c.country, o.currency, count(*) as orders, sum(o.amount) as revenue
from clean.orders o
join clean.customers c on c.customer_id = o.customer_id
where o.status <> 'cancelled'
group by all
