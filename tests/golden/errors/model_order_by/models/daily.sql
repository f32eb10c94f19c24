/* sluice
write: merge
key: [id, ID]
order_by: [a down, b desc, B, ""]
*/
select 1 as a
