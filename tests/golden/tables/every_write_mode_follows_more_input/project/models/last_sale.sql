/* sluice
write: merge
key: [shop]
order_by: [day, amount]
*/
select shop, day, amount from clean.sales
