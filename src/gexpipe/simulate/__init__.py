"""A small genome with known regulatory truth, written as a mirror of the portals.

Generative model, per gene and cell type (log10 of CAGE counts within 192 bp of the TSS)::

    expression = mean + promoter activity + promoter motifs + near + mid + distal + mRNA + noise

- promoter activity: saturating in the promoter's open, acetylated chromatin of that cell;
- promoter motifs: saturating in the planted promoter motifs, in the sequence only;
- near, mid: sum of the activities of the gene's own proximal elements, 0.7-0.9 kb and 1.2-3.8 kb
  from the TSS, outside the 1 kb that the promoter-activity feature counts;
- distal: sum of activity x contact over acting elements 5-100 kb away;
- mRNA: linear in features of the annotated transcript;
- noise: Gaussian.

Each component is scaled to its configured share of the variance. Decoys are open, some acetylated,
and enter no sum. ``docs/simulator.md`` states the model in full.
"""
