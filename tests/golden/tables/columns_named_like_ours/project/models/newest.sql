/* sluice
write: merge
key: [shop name]
order_by: [_ROW asc, "shop name desc"]
*/
select "Shop name", _row, _file from raw.sales
