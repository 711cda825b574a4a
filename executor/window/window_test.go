package window

import (
	"math"
	"math/rand"
	"testing"
)

func TestStart(t *testing.T) {
	for _, c := range []struct{ t, size, want int64 }{
		{0, 10, 0}, {9, 10, 0}, {10, 10, 10}, {-1, 10, -10}, {-10, 10, -10}, {-11, 10, -20}, {math.MaxInt64, 10, math.MaxInt64 - 7},
	} {
		if got := (Tumbling{SizeMS: c.size, AdvanceMS: c.size}).Start(c.t); got != c.want {
			t.Errorf("Start(%d) of %d is %d, want %d", c.t, c.size, got, c.want)
		}
	}
}

// TestEveryInstantIsInItsWindows: the newest Overlap windows hold t, as far as they are long enough, and no other does.
func TestEveryInstantIsInItsWindows(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	for range 10_000 {
		w := Tumbling{SizeMS: 1 + rnd.Int63n(50)}
		w.AdvanceMS = 1 + rnd.Int63n(w.SizeMS)
		at := rnd.Int63n(1000) - 500
		in := 0
		for back := range w.Overlap() {
			if start := w.Start(at) - back*w.AdvanceMS; start <= at && at < start+w.SizeMS {
				in++
			}
		}
		want := 0
		for start := int64(-600); start < 600; start++ {
			if Align(start, w.AdvanceMS) == start && start <= at && at < start+w.SizeMS {
				want++
			}
		}
		if in != want {
			t.Fatalf("%+v at %d: %d windows, want %d", w, at, in, want)
		}
	}
}

func TestClosed(t *testing.T) {
	w := Tumbling{SizeMS: 10, AdvanceMS: 10, GraceMS: 5}
	for now, want := range map[int64]bool{0: false, 14: false, 15: true, 100: true, math.MinInt64: false} {
		if w.Closed(0, now) != want {
			t.Errorf("Closed(0, %d) is not %v", now, want)
		}
	}
	for now := int64(-50); now < 50; now++ {
		from := w.OpenFrom(now)
		if w.Closed(from, now) || !w.Closed(from-1, now) {
			t.Errorf("OpenFrom(%d) is %d", now, from)
		}
	}
	forever := Tumbling{SizeMS: 10, AdvanceMS: 10, GraceMS: math.MaxInt64}
	if forever.Closed(0, math.MaxInt64-1) || forever.OpenFrom(0) > -10 {
		t.Error("a window with endless grace closes")
	}
}

func TestCheck(t *testing.T) {
	for _, w := range []Tumbling{{}, {SizeMS: 10}, {SizeMS: 10, AdvanceMS: 20}, {SizeMS: 10, AdvanceMS: 10, GraceMS: -1}, {SizeMS: 1 << 40, AdvanceMS: 1}} {
		if w.Check() == nil {
			t.Errorf("%+v is taken", w)
		}
	}
	if err := (Tumbling{SizeMS: 10, AdvanceMS: 5}).Check(); err != nil {
		t.Error(err)
	}
}
