package clienttest

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/freshetdb/freshet/broker/client"
)

func (s *suite) topics() {
	name := s.name("made")
	_, err := s.client.Topic(s.ctx, name)
	s.is(err, client.ErrUnknownTopic)
	_, err = s.client.Topic(s.ctx, "no topic's name!")
	s.is(err, client.ErrUnknownTopic)
	s.topic("made", 3)
	_, err = s.client.CreateTopic(s.ctx, client.TopicSpec{Name: name})
	s.is(err, client.ErrTopicExists)
	_, err = s.client.CreateTopic(s.ctx, client.TopicSpec{Name: s.name("bad"), Configs: map[string]string{"retention.ms": "soon"}})
	s.is(err, client.ErrInvalidConfig)
	kept, err := s.client.CreateTopic(s.ctx, client.TopicSpec{Name: s.name("kept"), Configs: map[string]string{"retention.ms": "-1"}})
	s.must(err)
	if kept.Partitions < 1 || kept.Configs["retention.ms"] != "-1" || len(kept.Configs) != 1 || kept.Internal {
		s.Errorf("created %+v", kept)
	}
	s.must(s.client.DeleteTopic(s.ctx, kept.Name))
	s.is(s.client.DeleteTopic(s.ctx, kept.Name), client.ErrUnknownTopic)
	got, err := s.client.Topic(s.ctx, name)
	s.must(err)
	if got.Partitions != 3 {
		s.Errorf("told of %+v", got)
	}
	all, err := s.client.Topics(s.ctx)
	s.must(err)
	if !slices.IsSortedFunc(all, func(a, b client.Topic) int { return strings.Compare(a.Name, b.Name) }) {
		s.Error("topics are not in the order of their names")
	}
	if !slices.ContainsFunc(all, func(t client.Topic) bool { return t.Name == name && t.ID == got.ID }) {
		s.Error("not among all topics")
	}
	_, err = s.client.Offsets(s.ctx, client.TopicPartition{Topic: name, Partition: 3})
	s.is(err, client.ErrUnknownTopic)
	_, err = s.client.Watch(client.TopicPartition{Topic: s.name("nowhere")}, func() {})
	s.is(err, client.ErrUnknownTopic)
}

func (s *suite) is(err, want error) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Errorf("got the error %v, expected %v", err, want)
	}
}

func (s *suite) offsets() {
	name := s.topic("timed", 1)
	tp := client.TopicPartition{Topic: name}
	p := s.producer("")
	start := time.Now().Add(-time.Hour).Truncate(time.Millisecond)
	acks := make(chan client.Ack, 1)
	for i := range 3 {
		p.Produce(tp, BatchOf(start.Add(time.Duration(i)*time.Minute).UnixMilli(), "a", "b"), func(a client.Ack) { acks <- a })
		s.must((<-acks).Err)
	}
	s.bounds(tp, client.Offsets{LastStable: 6, HighWatermark: 6})
	for _, c := range []struct {
		at   time.Time
		want int64
	}{{time.Unix(0, 0), 0}, {start, 0}, {start.Add(time.Millisecond), 2}, {start.Add(2 * time.Minute), 4}, {start.Add(time.Hour), 6}} {
		got, err := s.client.OffsetForTime(s.ctx, tp, c.at)
		s.must(err)
		if got != c.want {
			s.Errorf("at %v offset %d, expected %d", c.at.Sub(start), got, c.want)
		}
	}
	s.must(s.client.DeleteRecords(s.ctx, tp, 3))
	s.bounds(tp, client.Offsets{Start: 3, LastStable: 6, HighWatermark: 6})
	_, err := s.client.Fetch(s.ctx, tp, 1, 1, client.ReadCommitted)
	s.is(err, client.ErrOffsetOutOfRange)
	s.is(s.client.DeleteRecords(s.ctx, tp, 7), client.ErrOffsetOutOfRange)
	s.must(s.client.DeleteRecords(s.ctx, tp, -1))
	s.bounds(tp, client.Offsets{Start: 6, LastStable: 6, HighWatermark: 6})
}

func (s *suite) bounds(tp client.TopicPartition, want client.Offsets) {
	s.Helper()
	got, err := s.client.Offsets(s.ctx, tp)
	s.must(err)
	if got != want {
		s.Errorf("bounds are %+v, expected %+v", got, want)
	}
}

func (s *suite) groups() {
	name, group := s.topic("in", 2), s.name("group")
	p := s.producer("")
	want := map[client.TopicPartition]client.Committed{
		{Topic: name}:               {Offset: 7, LeaderEpoch: -1, Metadata: "seven"},
		{Topic: name, Partition: 1}: {Offset: 9, LeaderEpoch: -1},
	}
	done := make(chan error, 1)
	p.CommitOffsets(client.GroupMember{Group: group, Generation: -1}, want, func(err error) { done <- err })
	s.must(<-done)
	got, err := s.client.Committed(s.ctx, group, true)
	s.must(err)
	if len(got) != 2 || got[client.TopicPartition{Topic: name}] != want[client.TopicPartition{Topic: name}] ||
		got[client.TopicPartition{Topic: name, Partition: 1}].Offset != 9 {
		s.Errorf("committed %v", got)
	}
	s.must(s.client.DeleteGroup(s.ctx, group))
	s.must(s.client.DeleteGroup(s.ctx, group))
	got, err = s.client.Committed(s.ctx, group, false)
	s.must(err)
	if len(got) != 0 {
		s.Errorf("a deleted group has %v", got)
	}
}
