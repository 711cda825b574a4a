package replica

import (
	"runtime"
	"testing"
)

// TestSettle: who asks for the end after acks=1 was answered waits for the disk and finds the record.
func TestSettle(t *testing.T) {
	d := newDisk()
	p := newNode(t, d).topic("t")
	d.gate.Lock()
	if a := <-start(p, batch(t, "a", "b"), AcksLeader, 0); a.Err != nil {
		t.Fatal(a.Err)
	}
	settled := make(chan int64)
	go func() {
		p.Settle()
		settled <- p.highWatermark.Load()
	}()
	for !p.Watched() {
		runtime.Gosched()
	}
	d.gate.Unlock()
	if hw := <-settled; hw != 2 {
		t.Fatal(hw)
	}
	if a := <-start(p, batch(t, "c"), AcksLeader, 0); a.Err != nil {
		t.Fatal(a.Err)
	}
	if low, err := p.DeleteRecords(3); err != nil || low != 3 {
		t.Fatal(low, err)
	}
}
