"""Hyperparameter search over the settings of the loop, with Optuna.

space      the dimensions, and a proposal as settings
proposals  Optuna's sampler, which here never proposes a configuration twice
pruning    when to give up a trial
trial      one configuration, run and measured
study      the study that workers share: storage, next trial, trials of dead workers
holdout    the comparison at the end
result     what is written and printed
tracking   the trials at a tracking service (`--track`)
job        the command as a function
"""
