/* sluice
partition_by: [day, l, s, b]
*/
select day, id, [1] as l, {'a': 1} as s, 'x'::blob as b from clean.orders
