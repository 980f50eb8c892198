"""The transformations of kustomize, one a module: each changes resources in place and knows nothing of the others."""
