"""What is measured: one file a probe. Packets and sockets live here and nowhere else."""
