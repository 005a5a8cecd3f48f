"""The workshop of the rehearsal model: how it is drawn, trained and measured.

The show never imports it.
"""
