/* sluice
    description: x
    partitoned_by: [day]
*/
select 1 as a
