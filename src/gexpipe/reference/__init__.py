"""Reference data: gene models, genes and their TSS, mRNA features, splits, targets, name checks."""
