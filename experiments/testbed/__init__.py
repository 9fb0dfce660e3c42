"""A testbed with a known truth: a simulated world that plays every LM. Every figure from it is *simulated*.

What no real model can show cheaply is how optimizers of evolving methods compare over many
seeds. Here the whole world follows from hashes, the true failure rate of any method text can
be computed, and a comparison takes seconds. It says how well an optimizer deals with noise,
with feedback and with its budget *if* the world is as below. It says nothing about language
models. The real programs, adapters, detectors, store and budget run above it.

The model, with the settings of `TestbedConfig` (in `truth`):

- Six kinds of failure are planted: unparsed, unchanged, leaked, lost information, refused, asks for
  more. The world writes texts in which the real text detectors see just that kind, and texts in
  which they see nothing. A seventh, stagnant, comes only with length (below).
- Each kind has a base rate, drawn by the testbed's seed and scaled so that the starting method fails
  at a rate between `start_low` and `start_high`.
- A method is its sentences. Each kind has three cures, which prevent the shares `cures` of it; the
  seed decides which is the strong one. A harmful sentence multiplies a kind's rate by `harm`. Idle
  sentences do nothing. Each counts once; effects multiply. The start carries a harmful sentence.
- Length: from `roomy` words on, every further word adds `crowding` to the rate of the seventh kind.
  So text that accumulates does harm in the end, as in the paper's figure 5b.
- Rows have a difficulty that no optimizer sees. Whether a kind befalls a row under a method is a draw
  of fresh noise plus this difficulty, with `correlation` between any two draws on a row; a hash of
  method, row and testbed seed decides it. At a temperature above 0 the request's seed goes into
  the hash, so samples differ.
- The optimizer LM knows only its prompt. It takes the method that the prompt gives, the best-scored one
  where there are several, and a plain opening where there is none. If the prompt names failure kinds
  ("failed (leaked)") or, failing that, quotes failed evolutions, then with probability `insight` it
  adds a cure of one of these kinds that the method does not have yet, not knowing which cure is
  strong. Otherwise it adds a sentence blindly: a cure, a harm or an idle one, with the weights
  `blind`. With probability `padding` an idle sentence comes along, with probability `dropping` a
  sentence of the base is lost first, and with probability `unusable` the reply cannot be read. All
  optimizers meet this same model.
- With probability `misjudged` (0 unless said otherwise) the verdict on an evolution is turned around, as of a
  judge that errs: a sound one fails by any curable kind, a failed one passes. The same text is always
  judged alike. True rates know nothing of it.

Left out: demos have no effect, rounds beyond the first have no defined truth, and no proposal
combines two methods.
"""

from autoevol.experiments.testbed.truth import TestbedConfig
from autoevol.experiments.testbed.world import Testbed, TestbedTransport, UnknownPrompt

__all__ = ["Testbed", "TestbedConfig", "TestbedTransport", "UnknownPrompt"]
