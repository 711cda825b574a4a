package clienttest

import (
	"errors"
	"strings"

	"github.com/freshetdb/freshet/broker/client"
)

func (s *suite) commitAndAbort() {
	in, out, group := s.topic("in", 1), s.topic("out", 2), s.name("group")
	p := s.producer("engine")
	for _, round := range []struct {
		value  string
		offset int64
		abort  bool
	}{{"a", 1, false}, {"b", 2, true}, {"c", 3, false}, {"d", 4, false}} {
		s.produce(p, out, 0, round.value)
		s.produce(p, out, 1, round.value+"1", round.value+"2")
		p.CommitOffsets(client.GroupMember{Group: group}, map[client.TopicPartition]client.Committed{
			{Topic: in}: {Offset: round.offset, LeaderEpoch: -1, Metadata: round.value},
		}, nil)
		if round.abort {
			s.must(p.Abort(s.ctx))
			continue
		}
		s.must(s.commit(p))
		got, err := s.client.Committed(s.ctx, group, true)
		s.must(err)
		if o := got[client.TopicPartition{Topic: in}]; o.Offset != round.offset || o.Metadata != round.value {
			s.Fatal(round, got)
		}
		s.hasSuffix(s.values(out, 0, client.ReadCommitted), round.value) // at once
	}
	s.shows(out, 0, client.ReadCommitted, "a c d")
	s.shows(out, 1, client.ReadCommitted, "a1 a2 c1 c2 d1 d2")
	s.shows(out, 0, client.ReadUncommitted, "a b c d")
	s.must(s.commit(p)) // of nothing
	s.must(p.Abort(s.ctx))
	s.must(s.client.DeleteGroup(s.ctx, group))
}

func (s *suite) hasSuffix(got, want string) {
	s.Helper()
	if !strings.HasSuffix(got, want) {
		s.Errorf("shows %q, %q was committed", got, want)
	}
}

func (s *suite) shows(topic string, partition int32, iso client.Isolation, want string) {
	s.Helper()
	if got := s.values(topic, partition, iso); got != want {
		s.Errorf("%s-%d shows %q, expected %q", topic, partition, got, want)
	}
}

// interleaved has two producers' transactions overlap, and reads them by little and by much.
func (s *suite) interleaved() {
	name := s.topic("mixed", 1)
	tp := client.TopicPartition{Topic: name}
	one, two := s.producer("one"), s.producer("two")
	for _, round := range []struct {
		value string
		abort bool
	}{{"a", true}, {"b", false}, {"c", true}, {"d", true}, {"e", false}} {
		s.must(s.produce(one, name, 0, round.value+"1")().Err)
		s.must(s.produce(two, name, 0, round.value+"2")().Err)
		s.must(s.produce(one, name, 0, round.value+"3")().Err)
		if round.abort {
			s.must(one.Abort(s.ctx))
		} else {
			s.must(s.commit(one))
		}
	}
	if got := s.values(name, 0, client.ReadCommitted); got != "" {
		s.Errorf("an open transaction shows %q", got)
	}
	s.must(s.commit(two))
	want := "a2 b1 b2 b3 c2 d2 e1 e2 e3"
	bounds, err := s.client.Offsets(s.ctx, tp)
	s.must(err)
	for _, most := range []int{1, 150, 1 << 20} {
		if got := s.read(tp, 0, bounds.LastStable, client.ReadCommitted, most); got != want {
			s.Errorf("by %d bytes: %s", most, got)
		}
	}
}

func (s *suite) fencing() {
	name := s.topic("out", 1)
	old := s.producer("engine")
	s.must(s.produce(old, name, 0, "lost")().Err)
	young := s.producer("engine")
	s.is(s.commit(old), client.ErrFenced)
	s.is(s.produce(old, name, 0, "late")().Err, client.ErrFenced)
	s.produce(young, name, 0, "kept")
	s.must(s.commit(young))
	s.shows(name, 0, client.ReadCommitted, "kept")
}

func (s *suite) failedBatch() {
	name := s.topic("out", 1)
	p := s.producer("engine")
	s.must(s.produce(p, name, 0, "a")().Err)
	s.is(s.produce(p, s.name("gone"), 0, "x")().Err, client.ErrUnknownTopic)
	if err := s.commit(p); !errors.Is(err, client.ErrUnknownTopic) {
		s.Fatal(err)
	}
	s.produce(p, name, 0, "b")
	s.must(s.commit(p))
	s.shows(name, 0, client.ReadCommitted, "b")
}

// takeover resolves what a producer that is gone left open, before the next one's first call.
func (s *suite) takeover() {
	in, out, group := s.topic("in", 1), s.topic("out", 1), s.name("group")
	old := s.producer("engine")
	s.must(s.produce(old, out, 0, "lost")().Err)
	done := make(chan error, 1)
	old.CommitOffsets(client.GroupMember{Group: group, Generation: -1}, map[client.TopicPartition]client.Committed{
		{Topic: in}: {Offset: 5, LeaderEpoch: -1},
	}, func(err error) { done <- err })
	s.must(<-done)
	young := s.producer("engine")
	at, err := s.client.Committed(s.ctx, group, true)
	s.must(err)
	if len(at) != 0 {
		s.Errorf("a transaction that did not commit left %v", at)
	}
	s.shows(out, 0, client.ReadCommitted, "")
	s.produce(young, out, 0, "kept")
	s.must(s.commit(young))
	s.shows(out, 0, client.ReadCommitted, "kept")
}
