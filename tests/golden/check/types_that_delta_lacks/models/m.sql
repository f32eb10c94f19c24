/* sluice
description: every type that no table has, and some that are stored as another
*/
select
    array_value(1, 2) as pair,
    [1::utinyint] as small,
    {'at': time '10:00', 'n': 1} as nested,
    row(1, 'x') as nameless,
    union_value(n := 1) as either,
    'POINT(1 2)'::geometry as place,
    1::variant as any_value,
    map {'a': interval 1 day} as spans,
    interval 1 day as span, time '10:00' as at, '101'::bit as bits, sum(id) as total, uuid() as u, 'a'::enum('a', 'b') as e
from clean.orders
