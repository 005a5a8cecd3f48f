from __future__ import annotations

import cv2

# as the workshop's own command does first: a process forked off one whose cv2 has run threads hangs
cv2.setNumThreads(1)
