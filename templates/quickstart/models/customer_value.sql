/* sluice
description: What each customer has ordered so far
owner: finance@example.com
consumers: [marketing]
grain: [customer_id]
volume: one row a customer, 12 now
growth: as the customers
frequency: daily
freshness: 26h
retention: 3650d
compliance: [gdpr]
checks:
  - unique: [customer_id]
*/
select c.customer_id, c.name, count(o.order_id) as orders, coalesce(sum(o.amount), 0) as revenue, max(o.order_date) as last_order
from clean.customers c
left join clean.orders o on o.customer_id = c.customer_id and o.status <> 'cancelled'
group by all
