package wire

import (
	"context"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestRoomIsTaken: answers that are made at the same time share what room there is; each gets something, and all of it comes back.
func TestRoomIsTaken(t *testing.T) {
	const (
		many = 64
		most = 4 << 20
		all  = 8 << 20
	)
	var taken sync.WaitGroup
	taken.Add(many)
	sum := make(chan int, many)
	s, _ := serve(t, Options{OwedMax: all}, API{Key: 3, Max: 0, Serve: func(_ context.Context, r *Request) {
		n := r.Conn.TakeRoom(most)
		taken.Done()
		taken.Wait() // nobody answers before all have asked
		sum <- n
		r.Reply(kmsg.NewPtrMetadataResponse())
		r.Conn.GiveRoom(n)
		if r.Conn.TakeRoom(1) != 1 {
			t.Error("a small answer doesn't get what it asks for")
		}
		r.Conn.GiveRoom(1)
	}})
	for range many {
		send(t, dial(t, s), 1, kmsg.NewPtrMetadataRequest())
	}
	total := 0
	for range many {
		n := <-sum
		if n < answerMin || n > all/answerShare {
			t.Errorf("one answer got %d bytes", n)
		}
		total += n
	}
	if total > all+many*answerMin {
		t.Errorf("%d answers at a time got %d bytes of %d", many, total, all)
	}
}
