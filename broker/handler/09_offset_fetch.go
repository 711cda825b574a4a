package handler

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/coordinator"
	"github.com/freshetdb/freshet/broker/group"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// Versions of OffsetFetch at which its shape changes.
const (
	offsetFetchTopLevelError = 2 // before, errors stand at every partition
	offsetFetchGroups        = 8 // several groups in a request
)

// offsetFetch gives positions of groups.
func (h *Handler) offsetFetch(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.OffsetFetchRequest)
	resp := kmsg.NewPtrOffsetFetchResponse()
	if in.Version >= offsetFetchGroups {
		for i := range in.Groups {
			resp.Groups = append(resp.Groups, h.fetchGroup(ctx, req, &in.Groups[i], in.Version, in.RequireStable))
		}
		req.Reply(resp)
		return
	}
	one := kmsg.NewOffsetFetchRequestGroup()
	one.Group = in.Group
	if in.Topics != nil || in.Version < offsetFetchTopLevelError {
		one.Topics = []kmsg.OffsetFetchRequestGroupTopic{}
	}
	for _, t := range in.Topics {
		one.Topics = append(one.Topics, kmsg.OffsetFetchRequestGroupTopic{Topic: t.Topic, Partitions: t.Partitions})
	}
	answer := h.fetchGroup(ctx, req, &one, in.Version, in.RequireStable)
	resp.ErrorCode = answer.ErrorCode
	if in.Version < offsetFetchTopLevelError && answer.ErrorCode != 0 {
		answer.Topics = everywhere(one.Topics, answer.ErrorCode)
	}
	for _, t := range answer.Topics {
		out := kmsg.NewOffsetFetchResponseTopic()
		out.Topic = t.Topic
		for _, p := range t.Partitions {
			out.Partitions = append(out.Partitions, kmsg.OffsetFetchResponseTopicPartition{
				Partition: p.Partition, Offset: p.Offset, LeaderEpoch: p.LeaderEpoch, Metadata: p.Metadata, ErrorCode: p.ErrorCode,
			})
		}
		resp.Topics = append(resp.Topics, out)
	}
	req.Reply(resp)
}

// everywhere answers code at every partition.
func everywhere(topics []kmsg.OffsetFetchRequestGroupTopic, code int16) []kmsg.OffsetFetchResponseGroupTopic {
	var out []kmsg.OffsetFetchResponseGroupTopic
	for _, t := range topics {
		o := kmsg.NewOffsetFetchResponseGroupTopic()
		o.Topic = t.Topic
		for _, p := range t.Partitions {
			o.Partitions = append(o.Partitions, noPosition(p, code))
		}
		out = append(out, o)
	}
	return out
}

func noPosition(partition int32, code int16) kmsg.OffsetFetchResponseGroupTopicPartition {
	p := kmsg.NewOffsetFetchResponseGroupTopicPartition()
	p.Partition, p.Offset, p.LeaderEpoch, p.Metadata, p.ErrorCode = partition, -1, -1, new(""), code
	return p
}

// fetchGroup gives positions of one group: all of them when no topics are named (null).
func (h *Handler) fetchGroup(ctx context.Context, req *wire.Request, in *kmsg.OffsetFetchRequestGroup, version int16, requireStable bool) kmsg.OffsetFetchResponseGroup {
	out := kmsg.NewOffsetFetchResponseGroup()
	out.Group = in.Group
	out.Topics = []kmsg.OffsetFetchResponseGroupTopic{}
	if !h.may(req, auth.OpDescribe, auth.ResourceGroup, in.Group) {
		out.ErrorCode = kerr.GroupAuthorizationFailed.Code
		return out
	}
	img, byID := h.Quorum.Image(), version >= topicIDVersion
	var wanted []group.TopicOffset
	if in.Topics != nil {
		wanted = []group.TopicOffset{}
	}
	for _, t := range in.Topics {
		name := t.Topic
		if byID {
			known := img.TopicByID(t.TopicID)
			if known == nil {
				out.Topics = append(out.Topics, noPositions(&t, kerr.UnknownTopicID.Code))
				continue
			}
			name = known.Name
		}
		if !h.may(req, auth.OpDescribe, auth.ResourceTopic, name) {
			out.Topics = append(out.Topics, noPositions(&t, kerr.TopicAuthorizationFailed.Code))
			continue
		}
		for _, p := range t.Partitions {
			wanted = append(wanted, group.TopicOffset{Topic: name, Partition: p})
		}
	}
	who := group.Committer{Group: in.Group, MemberID: deref(in.MemberID), Generation: in.MemberEpoch}
	found, code := h.positions(ctx, who, wanted, requireStable)
	if out.ErrorCode = int16(code); code != coordinator.OK {
		return out
	}
	if in.Topics == nil { // all of them: those the caller may know of
		found = slices.DeleteFunc(found, func(o group.TopicOffset) bool { return !h.may(req, auth.OpDescribe, auth.ResourceTopic, o.Topic) })
	}
	appendPositions(&out, found, img, byID)
	return out
}

// noPositions answers code for each partition of a topic.
func noPositions(t *kmsg.OffsetFetchRequestGroupTopic, code int16) kmsg.OffsetFetchResponseGroupTopic {
	out := kmsg.NewOffsetFetchResponseGroupTopic()
	out.Topic, out.TopicID = t.Topic, t.TopicID
	for _, p := range t.Partitions {
		out.Partitions = append(out.Partitions, noPosition(p, code))
	}
	return out
}

// appendPositions adds positions, grouped by topic in their order.
func appendPositions(out *kmsg.OffsetFetchResponseGroup, found []group.TopicOffset, img *metadata.Image, byID bool) {
	last := ""
	for _, o := range found {
		if last != o.Topic || len(out.Topics) == 0 {
			t := kmsg.NewOffsetFetchResponseGroupTopic()
			t.Topic = o.Topic
			if byID {
				known := img.Topic(o.Topic)
				if known == nil {
					continue // deleted; clients of ids could not name it
				}
				t.TopicID = known.ID
			}
			out.Topics = append(out.Topics, t)
			last = o.Topic
		}
		p := kmsg.NewOffsetFetchResponseGroupTopicPartition()
		p.Partition, p.Offset, p.LeaderEpoch = o.Partition, o.Offset.Offset, o.LeaderEpoch
		p.Metadata, p.ErrorCode = new(o.Metadata), int16(o.Code)
		t := &out.Topics[len(out.Topics)-1]
		t.Partitions = append(t.Partitions, p)
	}
}

// positions asks the coordinator and waits.
func (h *Handler) positions(ctx context.Context, who group.Committer, wanted []group.TopicOffset, requireStable bool) ([]group.TopicOffset, coordinator.Code) {
	type answer struct {
		found []group.TopicOffset
		code  coordinator.Code
	}
	answers := make(chan answer, 1)
	h.Groups.FetchAs(who, wanted, requireStable, func(code coordinator.Code, found []group.TopicOffset) {
		answers <- answer{found, code}
	})
	select {
	case a := <-answers:
		return a.found, a.code
	case <-ctx.Done():
		return nil, coordinator.NotAvailable
	}
}
