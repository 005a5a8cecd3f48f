{
 "patcher": {
  "fileversion": 1,
  "appversion": {
   "major": 8,
   "minor": 5,
   "revision": 0,
   "architecture": "x64",
   "modernui": 1
  },
  "classnamespace": "box",
  "rect": [60.0, 80.0, 1100.0, 600.0],
  "bglocked": 0,
  "openinpresentation": 0,
  "default_fontsize": 12.0,
  "default_fontface": 0,
  "default_fontname": "Arial",
  "gridonopen": 1,
  "gridsize": [15.0, 15.0],
  "boxes": [
   {
    "box": {
     "id": "obj-1",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [20.0, 10.0, 420.0, 20.0],
     "text": "ArtFlow Live: plays on port 9000, hears on port 9001"
    }
   },
   {
    "box": {
     "id": "obj-2",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [520.0, 430.0, 97.8, 22.0],
     "text": "s artflow-out"
    }
   },
   {
    "box": {
     "id": "obj-3",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [20.0, 45.0, 260.0, 20.0],
     "text": "prompt: type, then Enter"
    }
   },
   {
    "box": {
     "id": "obj-4",
     "maxclass": "textedit",
     "numinlets": 1,
     "numoutlets": 4,
     "outlettype": ["", "int", "", ""],
     "patching_rect": [20.0, 65.0, 420.0, 44.0],
     "keymode": 1,
     "text": "oil painting of a sunrise",
     "parameter_enable": 0
    }
   },
   {
    "box": {
     "id": "obj-5",
     "maxclass": "newobj",
     "numinlets": 2,
     "numoutlets": 2,
     "outlettype": ["", ""],
     "patching_rect": [20.0, 120.0, 78.0, 22.0],
     "text": "route text"
    }
   },
   {
    "box": {
     "id": "obj-6",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "outlettype": [""],
     "patching_rect": [20.0, 150.0, 64.8, 22.0],
     "text": "tosymbol"
    }
   },
   {
    "box": {
     "id": "obj-7",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "outlettype": [""],
     "patching_rect": [20.0, 180.0, 177.0, 22.0],
     "text": "prepend /artflow/prompt/a"
    }
   },
   {
    "box": {
     "id": "obj-8",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [20.0, 220.0, 80.0, 20.0],
     "text": "strength"
    }
   },
   {
    "box": {
     "id": "obj-9",
     "maxclass": "slider",
     "numinlets": 1,
     "numoutlets": 1,
     "outlettype": [""],
     "patching_rect": [100.0, 220.0, 340.0, 22.0],
     "floatoutput": 1,
     "size": 1.0,
     "orientation": 1,
     "parameter_enable": 0
    }
   },
   {
    "box": {
     "id": "obj-10",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "outlettype": [""],
     "patching_rect": [100.0, 250.0, 216.6, 22.0],
     "text": "prepend /artflow/paint/strength"
    }
   },
   {
    "box": {
     "id": "obj-11",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [20.0, 290.0, 80.0, 20.0],
     "text": "preset"
    }
   },
   {
    "box": {
     "id": "obj-12",
     "maxclass": "umenu",
     "numinlets": 1,
     "numoutlets": 3,
     "outlettype": ["int", "", ""],
     "patching_rect": [100.0, 290.0, 160.0, 22.0],
     "items": ["anime", ",", "realistic", ",", "oil-painting", ",", "cyberpunk", ",", "pixel-art", ",", "watercolor", ",", "ink", ",", "woodcut"],
     "parameter_enable": 0
    }
   },
   {
    "box": {
     "id": "obj-13",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "outlettype": [""],
     "patching_rect": [100.0, 320.0, 196.79999999999998, 22.0],
     "text": "prepend /artflow/preset/load"
    }
   },
   {
    "box": {
     "id": "obj-14",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "outlettype": [""],
     "patching_rect": [300.0, 290.0, 150.6, 22.0],
     "text": "/artflow/preset/clear"
    }
   },
   {
    "box": {
     "id": "obj-15",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [20.0, 355.0, 80.0, 20.0],
     "text": "progress"
    }
   },
   {
    "box": {
     "id": "obj-16",
     "maxclass": "slider",
     "numinlets": 1,
     "numoutlets": 1,
     "outlettype": [""],
     "patching_rect": [100.0, 355.0, 340.0, 16.0],
     "floatoutput": 1,
     "size": 1.0,
     "orientation": 1,
     "ignoreclick": 1,
     "parameter_enable": 0
    }
   },
   {
    "box": {
     "id": "obj-17",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [20.0, 395.0, 80.0, 20.0],
     "text": "scenes"
    }
   },
   {
    "box": {
     "id": "obj-18",
     "maxclass": "tab",
     "numinlets": 1,
     "numoutlets": 3,
     "outlettype": ["int", "", ""],
     "patching_rect": [100.0, 395.0, 340.0, 24.0],
     "button": 1,
     "tabs": ["1", "2", "3", "4", "5", "6", "7", "8"],
     "parameter_enable": 0
    }
   },
   {
    "box": {
     "id": "obj-19",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "outlettype": [""],
     "patching_rect": [100.0, 430.0, 177.0, 22.0],
     "text": "prepend /artflow/scene/go"
    }
   },
   {
    "box": {
     "id": "obj-20",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "outlettype": [""],
     "patching_rect": [20.0, 470.0, 137.39999999999998, 22.0],
     "text": "/artflow/scene/next"
    }
   },
   {
    "box": {
     "id": "obj-21",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "outlettype": [""],
     "patching_rect": [170.0, 470.0, 163.79999999999998, 22.0],
     "text": "/artflow/scene/previous"
    }
   },
   {
    "box": {
     "id": "obj-22",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "outlettype": [""],
     "patching_rect": [340.0, 470.0, 104.39999999999999, 22.0],
     "text": "/artflow/panic"
    }
   },
   {
    "box": {
     "id": "obj-23",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [520.0, 45.0, 260.0, 20.0],
     "text": "wires"
    }
   },
   {
    "box": {
     "id": "obj-24",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "outlettype": ["bang"],
     "patching_rect": [520.0, 65.0, 64.8, 22.0],
     "text": "loadbang"
    }
   },
   {
    "box": {
     "id": "obj-25",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "outlettype": [""],
     "patching_rect": [520.0, 95.0, 30.0, 22.0],
     "text": "1"
    }
   },
   {
    "box": {
     "id": "obj-26",
     "maxclass": "newobj",
     "numinlets": 2,
     "numoutlets": 1,
     "outlettype": ["bang"],
     "patching_rect": [520.0, 125.0, 84.6, 22.0],
     "text": "metro 10000"
    }
   },
   {
    "box": {
     "id": "obj-27",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "outlettype": [""],
     "patching_rect": [520.0, 155.0, 163.79999999999998, 22.0],
     "text": "/artflow/subscribe 9001"
    }
   },
   {
    "box": {
     "id": "obj-28",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [640.0, 125.0, 260.0, 20.0],
     "text": "a subscription lasts 30 s"
    }
   },
   {
    "box": {
     "id": "obj-29",
     "maxclass": "newobj",
     "numinlets": 0,
     "numoutlets": 1,
     "outlettype": [""],
     "patching_rect": [700.0, 190.0, 97.8, 22.0],
     "text": "r artflow-out"
    }
   },
   {
    "box": {
     "id": "obj-30",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [520.0, 220.0, 157.2, 22.0],
     "text": "udpsend 127.0.0.1 9000"
    }
   },
   {
    "box": {
     "id": "obj-31",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [520.0, 260.0, 260.0, 20.0],
     "text": "what comes back"
    }
   },
   {
    "box": {
     "id": "obj-32",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "outlettype": [""],
     "patching_rect": [520.0, 280.0, 111.0, 22.0],
     "text": "udpreceive 9001"
    }
   },
   {
    "box": {
     "id": "obj-33",
     "maxclass": "newobj",
     "numinlets": 5,
     "numoutlets": 5,
     "outlettype": ["", "", "", "", ""],
     "patching_rect": [520.0, 310.0, 592.8, 22.0],
     "text": "route /artflow/paint/strength /artflow/painter/fps /artflow/painter/state /artflow/error"
    }
   },
   {
    "box": {
     "id": "obj-34",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "outlettype": [""],
     "patching_rect": [520.0, 345.0, 84.6, 22.0],
     "text": "prepend set"
    }
   },
   {
    "box": {
     "id": "obj-35",
     "maxclass": "flonum",
     "numinlets": 1,
     "numoutlets": 2,
     "outlettype": ["", "bang"],
     "patching_rect": [640.0, 345.0, 60.0, 22.0],
     "parameter_enable": 0
    }
   },
   {
    "box": {
     "id": "obj-36",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "outlettype": [""],
     "patching_rect": [720.0, 345.0, 84.6, 22.0],
     "text": "prepend set"
    }
   },
   {
    "box": {
     "id": "obj-37",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "outlettype": [""],
     "patching_rect": [720.0, 375.0, 100.0, 22.0],
     "text": "starting"
    }
   },
   {
    "box": {
     "id": "obj-38",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [840.0, 345.0, 137.39999999999998, 22.0],
     "text": "print artflow-error"
    }
   },
   {
    "box": {
     "id": "obj-39",
     "maxclass": "newobj",
     "numinlets": 9,
     "numoutlets": 9,
     "outlettype": ["", "", "", "", "", "", "", "", ""],
     "patching_rect": [520.0, 480.0, 1000.0, 22.0],
     "text": "route /artflow/preset/anime/progress /artflow/preset/realistic/progress /artflow/preset/oil-painting/progress /artflow/preset/cyberpunk/progress /artflow/preset/pixel-art/progress /artflow/preset/watercolor/progress /artflow/preset/ink/progress /artflow/preset/woodcut/progress"
    }
   },
   {
    "box": {
     "id": "obj-40",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "outlettype": [""],
     "patching_rect": [520.0, 515.0, 84.6, 22.0],
     "text": "prepend set"
    }
   }
  ],
  "lines": [
   {
    "patchline": {
     "source": ["obj-4", 0],
     "destination": ["obj-5", 0]
    }
   },
   {
    "patchline": {
     "source": ["obj-5", 0],
     "destination": ["obj-6", 0]
    }
   },
   {
    "patchline": {
     "source": ["obj-6", 0],
     "destination": ["obj-7", 0]
    }
   },
   {
    "patchline": {
     "source": ["obj-7", 0],
     "destination": ["obj-2", 0]
    }
   },
   {
    "patchline": {
     "source": ["obj-9", 0],
     "destination": ["obj-10", 0]
    }
   },
   {
    "patchline": {
     "source": ["obj-10", 0],
     "destination": ["obj-2", 0]
    }
   },
   {
    "patchline": {
     "source": ["obj-12", 1],
     "destination": ["obj-13", 0]
    }
   },
   {
    "patchline": {
     "source": ["obj-13", 0],
     "destination": ["obj-2", 0]
    }
   },
   {
    "patchline": {
     "source": ["obj-14", 0],
     "destination": ["obj-2", 0]
    }
   },
   {
    "patchline": {
     "source": ["obj-18", 0],
     "destination": ["obj-19", 0]
    }
   },
   {
    "patchline": {
     "source": ["obj-19", 0],
     "destination": ["obj-2", 0]
    }
   },
   {
    "patchline": {
     "source": ["obj-20", 0],
     "destination": ["obj-2", 0]
    }
   },
   {
    "patchline": {
     "source": ["obj-21", 0],
     "destination": ["obj-2", 0]
    }
   },
   {
    "patchline": {
     "source": ["obj-22", 0],
     "destination": ["obj-2", 0]
    }
   },
   {
    "patchline": {
     "source": ["obj-24", 0],
     "destination": ["obj-25", 0]
    }
   },
   {
    "patchline": {
     "source": ["obj-25", 0],
     "destination": ["obj-26", 0]
    }
   },
   {
    "patchline": {
     "source": ["obj-26", 0],
     "destination": ["obj-27", 0]
    }
   },
   {
    "patchline": {
     "source": ["obj-27", 0],
     "destination": ["obj-30", 0]
    }
   },
   {
    "patchline": {
     "source": ["obj-29", 0],
     "destination": ["obj-30", 0]
    }
   },
   {
    "patchline": {
     "source": ["obj-32", 0],
     "destination": ["obj-33", 0]
    }
   },
   {
    "patchline": {
     "source": ["obj-33", 0],
     "destination": ["obj-34", 0]
    }
   },
   {
    "patchline": {
     "source": ["obj-34", 0],
     "destination": ["obj-9", 0]
    }
   },
   {
    "patchline": {
     "source": ["obj-33", 1],
     "destination": ["obj-35", 0]
    }
   },
   {
    "patchline": {
     "source": ["obj-33", 2],
     "destination": ["obj-36", 0]
    }
   },
   {
    "patchline": {
     "source": ["obj-36", 0],
     "destination": ["obj-37", 0]
    }
   },
   {
    "patchline": {
     "source": ["obj-33", 3],
     "destination": ["obj-38", 0]
    }
   },
   {
    "patchline": {
     "source": ["obj-33", 4],
     "destination": ["obj-39", 0]
    }
   },
   {
    "patchline": {
     "source": ["obj-39", 0],
     "destination": ["obj-40", 0]
    }
   },
   {
    "patchline": {
     "source": ["obj-39", 1],
     "destination": ["obj-40", 0]
    }
   },
   {
    "patchline": {
     "source": ["obj-39", 2],
     "destination": ["obj-40", 0]
    }
   },
   {
    "patchline": {
     "source": ["obj-39", 3],
     "destination": ["obj-40", 0]
    }
   },
   {
    "patchline": {
     "source": ["obj-39", 4],
     "destination": ["obj-40", 0]
    }
   },
   {
    "patchline": {
     "source": ["obj-39", 5],
     "destination": ["obj-40", 0]
    }
   },
   {
    "patchline": {
     "source": ["obj-39", 6],
     "destination": ["obj-40", 0]
    }
   },
   {
    "patchline": {
     "source": ["obj-39", 7],
     "destination": ["obj-40", 0]
    }
   },
   {
    "patchline": {
     "source": ["obj-40", 0],
     "destination": ["obj-16", 0]
    }
   }
  ],
  "dependency_cache": [],
  "autosave": 0
 }
}
