package replica

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/storage/vfs"
)

// TestLivesOfAName deletes and makes a topic anew while the directory of its first life is still being removed: every life's waiters are answered,
// and none of the records of one is seen in another.
func TestLivesOfAName(t *testing.T) {
	for _, removing := range []bool{false, true} { // whether the first removal has begun when the second life ends
		var gate sync.RWMutex
		began := make(chan struct{}, 100)
		n := newNode(t, vfs.Inject(vfs.NewMem(), func(op vfs.Op) error {
			if op.Kind == vfs.OpRemoveAll {
				began <- struct{}{}
				gate.RLock()
				defer gate.RUnlock()
			}
			return nil
		}))
		gate.Lock()
		var fetches []chan []Fetched
		end := func(p *Partition) {
			got := make(chan []Fetched, 1)
			n.Fetch(context.Background(), fetchOf(p, p.highWatermark.Load(), 1, time.Minute), func(f []Fetched) { got <- f })
			fetches = append(fetches, got)
			n.change(metadata.TopicRemovedRecord{ID: p.id})
		}
		first := n.topic("t")
		mustAppend(t, first, "first")
		end(first)
		if removing {
			<-began
		}
		second := n.topic("t")
		opened := make(chan Appended, 1)
		go func() { opened <- <-start(second, batch(t, "second"), AcksAll, 0) }()
		n.change(metadata.TopicRemovedRecord{ID: second.id})
		third := n.topic("t")
		gate.Unlock()

		if a := mustAppend(t, third, "third"); a.BaseOffset != 0 {
			t.Fatalf("the third life begins at %d", a.BaseOffset)
		}
		if a := <-opened; a.Err != nil && !errors.Is(a.Err, ErrUnknownPartition) {
			t.Fatal(a.Err)
		}
		for _, got := range fetches {
			if f := <-got; !errors.Is(f[0].Err, ErrUnknownPartition) {
				t.Fatal(f[0].Err)
			}
		}
	}
}
