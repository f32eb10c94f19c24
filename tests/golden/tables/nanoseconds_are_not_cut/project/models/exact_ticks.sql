select t::timestamp_ns as t, (t::timestamp_ns)::varchar as text from raw.ticks where length(t) = 26
