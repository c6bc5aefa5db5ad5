"""Words that several stages share; defined in section 3 of the design."""

UNION = "union"  # the computed feature: pixelwise OR of the configured ones
EXCLUDED = "excluded"  # the split of training pictures that are left out
