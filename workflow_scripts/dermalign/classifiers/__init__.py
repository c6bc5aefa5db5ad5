"""Networks, their training, what they predict and how good they are; `brought` has those that a study brings along."""
