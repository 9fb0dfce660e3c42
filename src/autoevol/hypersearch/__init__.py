"""A search over the settings of the loop, with Optuna: what is varied, how a trial is run and judged.

space      what is varied, and a proposal as settings
proposals  Optuna's sampler, made never to propose a configuration twice
pruning    when a trial is given up
trial      one configuration, run and measured
study      the study that workers share: storage, next trial, trials of workers that died
holdout    the comparison at the end
result     what is written and printed
job        the command as a function
"""
