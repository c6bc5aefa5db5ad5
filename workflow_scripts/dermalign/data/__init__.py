"""Archives, pictures, masks and labels; manifests, mask cells, and what of the evaluation pictures leaked."""
