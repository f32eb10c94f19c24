/* sluice
order_by: updated_at
freshness: soon
*/
select 1 as a
