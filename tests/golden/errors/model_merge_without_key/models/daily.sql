/* sluice
write: merge
order_by: [updated_at]
*/
select 1 as a
