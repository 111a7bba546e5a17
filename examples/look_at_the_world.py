"""The closed world that the embedded base has learnt: its facts are seeded, its answers computed."""

from itertools import islice

from assay.world import World, stream

world = World(seed=0)
print(f"{len(world.people)} people, {len(world.subjects)} school subjects, {len(world.vocabulary)} words")

for kind in ("fact", "exam", "check", "story"):
    document = next(islice(stream(world, {kind: 1.0}, seed="example"), 1))
    print(f"{kind:>6}: {document.text[:150]}")

asked = world.exchanges("refusal")[0]
print(f"request: {asked.request}\n  reply: {asked.reply}")
print(f"held out of all training text: {sum(e.held_out for e in world.exchanges('fact'))} fact questions")
