"""Sweeps over a network of which every state is known: judged by nmap, counted on the wire, ended, and resisted."""
