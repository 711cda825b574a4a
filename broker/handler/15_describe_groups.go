package handler

import (
	"context"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/coordinator"
	"github.com/freshetdb/freshet/broker/group"
	"github.com/freshetdb/freshet/broker/wire"
)

// describeUnknownGroup is the first version of DescribeGroups that tells unknown groups from dead ones (KIP-1043).
const describeUnknownGroup = 6

// describeGroups tells of groups and their members.
func (h *Handler) describeGroups(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.DescribeGroupsRequest)
	resp := kmsg.NewPtrDescribeGroupsResponse()
	resp.Groups = []kmsg.DescribeGroupsResponseGroup{}
	for _, id := range in.Groups {
		if !h.may(req, auth.OpDescribe, auth.ResourceGroup, id) {
			resp.Groups = append(resp.Groups, describedGroup(in.Version, id, &group.Description{Code: mayNotGroup, Group: id, State: group.Dead}))
			continue
		}
		answer := make(chan group.Description, 1)
		h.Groups.Describe(id, func(d group.Description) { answer <- d })
		d := group.Description{Code: coordinator.NotAvailable, Group: id, State: group.Dead}
		select {
		case d = <-answer:
		case <-ctx.Done():
		}
		out := describedGroup(in.Version, id, &d)
		out.AuthorizedOperations = h.operations(req, in.IncludeAuthorizedOperations && (d.Code == coordinator.OK || out.ErrorCode == 0), auth.ResourceGroup, id)
		resp.Groups = append(resp.Groups, out)
	}
	req.Reply(resp)
}

func describedGroup(version int16, id string, d *group.Description) kmsg.DescribeGroupsResponseGroup {
	out := kmsg.NewDescribeGroupsResponseGroup()
	out.Group, out.State, out.AuthorizedOperations = id, d.State.String(), noOperations
	out.ErrorCode, out.ProtocolType = int16(d.Code), d.ProtocolType
	out.Members = []kmsg.DescribeGroupsResponseGroupMember{}
	if d.Code == coordinator.GroupIDNotFound {
		if version < describeUnknownGroup {
			out.ErrorCode = 0
		} else {
			out.ErrorMessage = new("group " + id + " not found")
		}
	}
	stable := d.State == group.Stable
	if stable {
		out.Protocol = d.Protocol
	}
	for _, m := range d.Members {
		om := kmsg.NewDescribeGroupsResponseGroupMember()
		om.MemberID, om.InstanceID, om.ClientID, om.ClientHost = m.MemberID, orNull(m.InstanceID), m.ClientID, m.ClientHost
		om.ProtocolMetadata, om.MemberAssignment = []byte{}, append([]byte{}, m.Assignment...)
		if stable {
			om.ProtocolMetadata = m.Metadata
		}
		out.Members = append(out.Members, om)
	}
	return out
}

// listGroups lists groups, of some states and types when asked.
func (h *Handler) listGroups(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.ListGroupsRequest)
	resp := kmsg.NewPtrListGroupsResponse()
	resp.Groups = []kmsg.ListGroupsResponseGroup{}
	all, code := h.Groups.List(ctx)
	resp.ErrorCode = int16(code)
	holds := func(filter []string, value string) bool {
		return len(filter) == 0 || slices.ContainsFunc(filter, func(f string) bool { return strings.EqualFold(f, value) })
	}
	everything := h.mayQuietly(req, auth.OpDescribe, auth.ResourceCluster, auth.ClusterName)
	for _, g := range all {
		if !everything && !h.mayQuietly(req, auth.OpDescribe, auth.ResourceGroup, g.Group) {
			continue
		}
		if !holds(in.StatesFilter, g.State.String()) || !holds(in.TypesFilter, g.Type) {
			continue
		}
		out := kmsg.NewListGroupsResponseGroup()
		out.Group, out.ProtocolType, out.GroupState, out.GroupType = g.Group, g.ProtocolType, g.State.String(), g.Type
		resp.Groups = append(resp.Groups, out)
	}
	req.Reply(resp)
}
