"""The bulk stage: seed rows in, evolved pairs out, every row in exactly one file.

read     `source`    rows one at a time; a bounded window of them is under way, the rest is on disk
evolve   `policy`    draws the method of (row, round); EvolveInstruction rewrites the parent
gate     `gates`     refuse a text before it is answered or becomes a parent; the metric judges the pair
next     `policy`    a round that passed is the next parent; one that failed returns its parent, ends the
                     row, or is tried again
write    `stage`     the rounds of a row are one line of a part, in input order; `outputs` sorts the parts
                     into dataset, rejected and dead at the end, and `retry` takes up the dead again
"""
