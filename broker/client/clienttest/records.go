package clienttest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/freshetdb/freshet/broker/client"
)

func (s *suite) produceAndFetch() {
	name := s.topic("orders", 2)
	p := s.producer("")
	if a := s.produce(p, name, 1, "a", "b")(); a.Err != nil || a.BaseOffset != 0 {
		s.Fatal(a)
	}
	if a := s.produce(p, name, 1, "c")(); a.Err != nil || a.BaseOffset != 2 {
		s.Fatal(a)
	}
	if got := s.values(name, 1, client.ReadCommitted); got != "a b c" {
		s.Fatal(got)
	}
	s.is(s.produce(p, s.name("nowhere"), 0, "x")().Err, client.ErrUnknownTopic)
	s.is(s.produce(p, name, 2, "x")().Err, client.ErrUnknownTopic)
	if a := s.produce(p, name, 1, "d")(); a.Err != nil || a.BaseOffset != 3 {
		s.Fatal(a)
	}
	tp := client.TopicPartition{Topic: name}
	_, err := s.client.Fetch(s.ctx, tp, 7, 1, client.ReadCommitted)
	s.is(err, client.ErrOffsetOutOfRange)
	f, err := s.client.Fetch(s.ctx, tp, 0, 1, client.ReadCommitted)
	if err != nil || len(f.Batches) != 0 {
		s.Error(f, err)
	}
	bad := make(chan client.Ack, 1)
	p.Produce(tp, []byte("no batch"), func(a client.Ack) { bad <- a })
	if a := <-bad; a.Err == nil {
		s.Error("appended what is no batch")
	}
}

// order sends many batches without waiting for any.
func (s *suite) order() {
	name := s.topic("order", 3)
	p := s.producer("")
	const batches = 300
	var (
		mu     sync.Mutex
		failed []error
		wg     sync.WaitGroup
	)
	for i := range batches {
		wg.Add(1)
		tp := client.TopicPartition{Topic: name, Partition: int32(i % 3)}
		p.Produce(tp, BatchOf(1, strconv.Itoa(i), "+"), func(a client.Ack) {
			defer wg.Done()
			if want := int64(i / 3 * 2); a.Err != nil || a.BaseOffset != want {
				mu.Lock()
				defer mu.Unlock()
				failed = append(failed, fmt.Errorf("batch %d at %d: %w", i, a.BaseOffset, a.Err))
			}
		})
	}
	wg.Wait()
	s.must(errors.Join(failed...))
	for partition := range int32(3) {
		var want []string
		for i := int(partition); i < batches; i += 3 {
			want = append(want, strconv.Itoa(i), "+")
		}
		tp := client.TopicPartition{Topic: name, Partition: partition}
		if got := s.read(tp, 0, int64(len(want)), client.ReadCommitted, 200); got != strings.Join(want, " ") {
			s.Errorf("partition %d holds %s", partition, got)
		}
		if got := s.read(tp, 101, int64(len(want)), client.ReadUncommitted, 1<<20); got != strings.Join(want[100:], " ") {
			s.Errorf("partition %d from the middle of a batch holds %s", partition, got)
		}
	}
}

func (s *suite) watch() {
	name := s.topic("watched", 1)
	tp := client.TopicPartition{Topic: name}
	moved := make(chan struct{}, 1000)
	cancel, err := s.client.Watch(tp, func() { moved <- struct{}{} })
	s.must(err)
	<-moved
	p := s.producer("t")
	s.produce(p, name, 0, "a")
	s.must(s.commit(p))
	offset := int64(0)
	var out []string
	for len(out) == 0 {
		f, err := s.client.Fetch(s.ctx, tp, offset, 1<<20, client.ReadCommitted)
		s.must(err)
		if len(f.Batches) > 0 {
			offset = s.appendValues(&out, &f, client.ReadCommitted)
			f.Release()
			continue
		}
		select {
		case <-moved:
		case <-s.ctx.Done():
			s.Fatal("nobody told of the commit")
		}
	}
	cancel()
	before := len(moved)
	s.produce(p, name, 0, "b")
	s.must(s.commit(p))
	if len(moved) != before {
		s.Error("told after the watch ended")
	}
}

func (s *suite) deletedWhileWatched() {
	name := s.topic("deleted", 1)
	tp := client.TopicPartition{Topic: name}
	moved := make(chan struct{}, 1000)
	cancel, err := s.client.Watch(tp, func() { moved <- struct{}{} })
	s.must(err)
	defer cancel()
	_, err = s.client.Fetch(s.ctx, tp, 0, 1, client.ReadCommitted)
	s.must(err)
	s.must(s.client.DeleteTopic(s.ctx, name))
	for {
		select {
		case <-moved:
		case <-s.ctx.Done():
			s.Fatal("nobody told of the deletion")
		}
		if _, err := s.client.Fetch(s.ctx, tp, 0, 1, client.ReadCommitted); errors.Is(err, client.ErrUnknownTopic) {
			return
		}
	}
}

// follow reads one partition by several readers, from different places, while it grows.
func (s *suite) follow() {
	name := s.topic("followed", 1)
	tp := client.TopicPartition{Topic: name}
	p := s.producer("")
	const batches = 200
	var readers sync.WaitGroup
	got := make([]string, 4)
	for i := range got {
		if i == 3 { // late, after some are there
			s.must(s.produce(p, name, 0, "first")().Err)
		}
		readers.Go(func() { got[i] = s.read(tp, int64(i/3), batches+1, client.ReadCommitted, 500*(i+1)) })
		if i == 0 {
			continue
		}
	}
	want := []string{"first"}
	for i := range batches {
		a := s.produce(p, name, 0, strconv.Itoa(i))
		want = append(want, strconv.Itoa(i))
		if i%7 == 0 {
			s.must(a().Err)
		}
	}
	readers.Wait()
	for i := range got {
		if expected := strings.Join(want[i/3:], " "); got[i] != expected {
			s.Errorf("reader %d has %s", i, got[i])
		}
	}
}

func (s *suite) close() {
	p := s.producer("closed")
	s.must(p.Close())
	s.must(p.Close())
	if a := s.produce(p, s.topic("after", 1), 0, "x")(); a.Err == nil {
		s.Error("a closed producer produces")
	}
}
