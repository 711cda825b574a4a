package handler

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/freshetdb/freshet/broker/controller"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/replica"
	"github.com/freshetdb/freshet/broker/wire"
	"github.com/freshetdb/freshet/storage/log"
	"github.com/freshetdb/freshet/storage/record"
)

func TestKafkaErrors(t *testing.T) {
	for _, c := range []struct {
		err  error
		want *kerr.Error
	}{
		{nil, nil},
		{fmt.Errorf("wrapped: %w", log.ErrNoSpace), kerr.KafkaStorageError},
		{fmt.Errorf("%w: %w", replica.ErrStorage, log.ErrTopicID), kerr.KafkaStorageError},
		{record.ErrTooLarge, kerr.MessageTooLarge},
		{&controller.Error{Kafka: kerr.InvalidConfig, Message: "m"}, kerr.InvalidConfig},
		{kerr.PolicyViolation, kerr.PolicyViolation},
		{errors.New("nobody foresaw this"), kerr.UnknownServerError},
	} {
		if got := kafkaError(c.err); got != c.want {
			t.Errorf("%v is %v, not %v", c.err, got, c.want)
		}
	}
}

func TestUnforeseenErrorsAreLogged(t *testing.T) {
	var out bytes.Buffer
	h := &Handler{Deps: Deps{Logger: slog.New(slog.NewTextHandler(&out, nil))}}
	if code, text := h.failure(errors.New("surprise")); code != -1 || *text != "surprise" || !strings.Contains(out.String(), "surprise") {
		t.Fatal(code, text, out.String())
	}
}

func TestSoftwareNames(t *testing.T) {
	for name, want := range map[string]bool{
		"librdkafka": true, "2.0.2": true, "apache-kafka-java": true, "a": true,
		"": false, "-a": false, "a.": false, "a b": false, "a\x00": false, "ä": false,
	} {
		if softwareName(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}

func TestElectionsAndReassignments(t *testing.T) {
	img, _, err := metadata.Replay(&metadata.Image{}, 1, []metadata.Record{
		metadata.TopicRecord{ID: metadata.UUID{1}, Name: "t"},
		metadata.PartitionRecord{TopicID: metadata.UUID{1}, Partition: metadata.Partition{Replicas: []int32{1}, ISR: []int32{1}, Leader: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		got, want error
	}{
		{electLeader(img, "t", 0, electionPreferred), kerr.ElectionNotNeeded},
		{electLeader(img, "t", 0, 1), kerr.ElectionNotNeeded},
		{electLeader(img, "t", 1, electionPreferred), kerr.UnknownTopicOrPartition},
		{reassign(img, "t", 0, []int32{1}), nil},
		{reassign(img, "t", 0, []int32{2}), kerr.InvalidReplicaAssignment},
		{reassign(img, "t", 0, nil), kerr.NoReassignmentInProgress},
		{reassign(img, "u", 0, nil), kerr.UnknownTopicOrPartition},
	} {
		if !errors.Is(c.got, c.want) {
			t.Errorf("%v, not %v", c.got, c.want)
		}
	}
}

func BenchmarkFetchAnswer(b *testing.B) {
	a := &fetchAnswer{h: &Handler{}, version: 13, asks: make([]fetchAsk, 10), got: make([]replica.Fetched, 10)}
	var f wire.Frame
	b.ReportAllocs()
	for b.Loop() {
		f.Bytes = f.Bytes[:0]
		a.EncodeTo(&f)
	}
}
