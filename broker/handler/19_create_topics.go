package handler

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/controller"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// change commits what decide returns, within the client's time.
func (h *Handler) change(ctx context.Context, timeoutMillis int32, decide func(*metadata.Image) ([]metadata.Record, error)) error {
	timeout := changeTimeout
	if timeoutMillis > 0 {
		timeout = min(timeout, time.Duration(timeoutMillis)*time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	_, err := h.Quorum.Change(ctx, decide)
	return err
}

// createTopics makes topics; one refused doesn't stop the others.
func (h *Handler) createTopics(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.CreateTopicsRequest)
	wanted := make([]controller.NewTopic, len(in.Topics))
	for i := range in.Topics {
		wanted[i] = newTopic(&in.Topics[i])
	}
	var answers []controller.TopicCreated
	err := h.change(ctx, in.TimeoutMillis, func(img *metadata.Image) ([]metadata.Record, error) {
		var records []metadata.Record
		if answers, records = h.Controller.CreateTopics(img, wanted); in.ValidateOnly {
			return nil, nil
		}
		return records, nil
	})
	resp := kmsg.NewPtrCreateTopicsResponse()
	for i := range wanted {
		out := kmsg.NewCreateTopicsResponseTopic()
		out.Topic, out.NumPartitions, out.ReplicationFactor = wanted[i].Name, -1, -1
		out.Configs = []kmsg.CreateTopicsResponseTopicConfig{}
		if err != nil {
			out.ErrorCode, out.ErrorMessage = h.failure(err)
		} else {
			fillCreated(&out, &answers[i], in.ValidateOnly)
		}
		resp.Topics = append(resp.Topics, out)
	}
	req.Reply(resp)
}

func newTopic(in *kmsg.CreateTopicsRequestTopic) controller.NewTopic {
	t := controller.NewTopic{Name: in.Topic, Partitions: in.NumPartitions, ReplicationFactor: in.ReplicationFactor}
	if len(in.Configs) > 0 {
		t.Configs = make(map[string]string, len(in.Configs))
	}
	for _, c := range in.Configs {
		if c.Value != nil {
			t.Configs[c.Name] = *c.Value
		}
	}
	for _, a := range in.ReplicaAssignment {
		if t.Assignments == nil {
			t.Assignments = make(map[int32][]int32)
		}
		t.Assignments[a.Partition] = a.Replicas
	}
	return t
}

func fillCreated(out *kmsg.CreateTopicsResponseTopic, made *controller.TopicCreated, validateOnly bool) {
	if out.ErrorCode, out.ErrorMessage = refusal(made.Err); made.Err != nil {
		return
	}
	out.NumPartitions, out.ReplicationFactor = made.Partitions, made.ReplicationFactor
	if !validateOnly {
		out.TopicID = made.ID
	}
	for _, c := range topicConfigEntries(made.Configs) {
		entry := kmsg.NewCreateTopicsResponseTopicConfig()
		entry.Name, entry.Value, entry.Source = c.def.Name, &c.value, int8(c.source)
		out.Configs = append(out.Configs, entry)
	}
}

// deleteTopics deletes topics by name or id.
func (h *Handler) deleteTopics(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.DeleteTopicsRequest)
	resp := kmsg.NewPtrDeleteTopicsResponse()
	asked := in.Topics
	for _, name := range in.TopicNames {
		asked = append(asked, kmsg.DeleteTopicsRequestTopic{Topic: &name})
	}
	for i := range asked {
		resp.Topics = append(resp.Topics, h.deleteTopic(ctx, in.TimeoutMillis, &asked[i]))
	}
	req.Reply(resp)
}

func (h *Handler) deleteTopic(ctx context.Context, timeoutMillis int32, asked *kmsg.DeleteTopicsRequestTopic) kmsg.DeleteTopicsResponseTopic {
	out := kmsg.NewDeleteTopicsResponseTopic()
	out.Topic, out.TopicID = asked.Topic, asked.TopicID
	err := h.change(ctx, timeoutMillis, func(img *metadata.Image) ([]metadata.Record, error) {
		id := metadata.UUID(asked.TopicID)
		if asked.Topic != nil {
			t := img.Topic(*asked.Topic)
			if t == nil {
				return nil, kerr.UnknownTopicOrPartition
			}
			id = t.ID
		} else if t := img.TopicByID(id); t != nil {
			out.Topic = &t.Name
		}
		records, refused := h.Controller.DeleteTopic(img, id)
		if refused != nil {
			return nil, refused
		}
		out.TopicID = id
		return records, nil
	})
	out.ErrorCode, out.ErrorMessage = h.failure(err)
	return out
}

// createPartitions raises topics' numbers of partitions.
func (h *Handler) createPartitions(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.CreatePartitionsRequest)
	resp := kmsg.NewPtrCreatePartitionsResponse()
	for _, t := range in.Topics {
		out := kmsg.NewCreatePartitionsResponseTopic()
		out.Topic = t.Topic
		var assignments [][]int32
		for _, a := range t.Assignment {
			assignments = append(assignments, a.Replicas)
		}
		err := h.change(ctx, in.TimeoutMillis, func(img *metadata.Image) ([]metadata.Record, error) {
			records, refused := h.Controller.CreatePartitions(img, t.Topic, t.Count, assignments)
			if refused != nil {
				return nil, refused
			}
			if in.ValidateOnly {
				return nil, nil
			}
			return records, nil
		})
		out.ErrorCode, out.ErrorMessage = h.failure(err)
		resp.Topics = append(resp.Topics, out)
	}
	req.Reply(resp)
}

// configEntry is a config as a client shall see it.
type configEntry struct {
	def    *metadata.ConfigDef
	value  string
	source kmsg.ConfigSource
}

// topicConfigEntries lists all topic configs with the values set or their defaults.
func topicConfigEntries(set map[string]string) []configEntry {
	return configEntries(metadata.TopicConfigDefs(), set, kmsg.ConfigSourceDynamicTopicConfig)
}

func configEntries(defs []metadata.ConfigDef, set map[string]string, source kmsg.ConfigSource) []configEntry {
	out := make([]configEntry, len(defs))
	for i := range defs {
		out[i] = configEntry{def: &defs[i], value: defs[i].Default, source: kmsg.ConfigSourceDefaultConfig}
		if v, ok := set[defs[i].Name]; ok {
			out[i].value, out[i].source = v, source
		}
	}
	return out
}

// overlay returns base with over on top.
func overlay(base, over map[string]string) map[string]string {
	out := maps.Clone(base)
	if out == nil {
		out = make(map[string]string, len(over))
	}
	maps.Copy(out, over)
	return out
}

// wants tells whether a list of names asks for name; nil asks for all.
func wants(names []string, name string) bool { return names == nil || slices.Contains(names, name) }
