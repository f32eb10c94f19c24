/* sluice
write: partition
partition_by: [day]
*/
select o.order_date as day, c.country, sum(o.amount * r.rate_to_eur) as revenue_eur, count(*) as orders
from clean.orders o
join clean.customers c using (customer_id)
join clean.rates r on r.currency = o.currency and r.day = o.order_date
group by all
