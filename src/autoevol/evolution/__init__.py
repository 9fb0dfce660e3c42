"""The bulk stage: seed rows in, evolved pairs out, every row in exactly one file.

read     `source`    yields rows one at a time; a bounded window is in progress, the rest stays on disk
evolve   `policy`    draws the method of (row, round); EvolveInstruction rewrites the parent
gate     `gates`     refuse a text before it is answered or becomes a parent; the metric judges the pair
next     `policy`    a round that passed becomes the next parent; after a failed one the parent stays, the
                     row ends, or the round is tried again
write    `stage`     writes the rounds of a row as one line of a part, in input order; at the end `outputs`
                     sorts the parts into dataset, rejected and dead, and `retry` can resume the dead
"""
