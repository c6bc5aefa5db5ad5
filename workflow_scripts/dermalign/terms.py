"""Words that several stages share; defined in section 3 of the design."""

UNION = "union"  # the computed feature: pixelwise OR of the configured ones
EXCLUDED = "excluded"  # the split of training pictures that are left out

# Metrics of a classifier, see `classifier_metrics.classifier_metrics`: over all classes, and of each against the rest.
OVERALL = ("accuracy", "balanced_accuracy", "roc_auc", "expected_calibration_error")
SHARES = ("accuracy", "sensitivity", "specificity", "roc_auc")
