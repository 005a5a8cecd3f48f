"""What the show is made of; knows nothing of OSC, MIDI or HTTP."""
