/* sluice
grain: [a]
*/
select 1 as a
