package handler

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// deleteACLs removes the rules that filters select, and names them.
func (h *Handler) deleteACLs(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.DeleteACLsRequest)
	resp := kmsg.NewPtrDeleteACLsResponse()
	resp.Results = make([]kmsg.DeleteACLsResponseResult, len(in.Filters))
	var filters []func(*metadata.ACL) bool
	var places []int // of filters among the results
	allowed := h.mayCluster(req, auth.OpAlter)
	for i := range in.Filters {
		resp.Results[i] = kmsg.NewDeleteACLsResponseResult()
		resp.Results[i].MatchingACLs = []kmsg.DeleteACLsResponseResultMatchingACL{}
		filter := newFilter(&in.Filters[i])
		if !allowed {
			resp.Results[i].ErrorCode = kerr.ClusterAuthorizationFailed.Code
		} else if err := filter.Check(); err != nil {
			resp.Results[i].ErrorCode, resp.Results[i].ErrorMessage = kerr.InvalidRequest.Code, new(err.Error())
		} else {
			filters, places = append(filters, filter.Matches), append(places, i)
		}
	}
	if len(filters) > 0 {
		var deleted [][]metadata.ACL
		err := h.change(ctx, 0, func(img *metadata.Image) (records []metadata.Record, _ error) {
			deleted, records = h.Controller.DeleteACLs(img, filters)
			return records, nil
		})
		for n, i := range places {
			if err != nil {
				resp.Results[i].ErrorCode, resp.Results[i].ErrorMessage = h.failure(err)
				continue
			}
			resp.Results[i].MatchingACLs = matchingACLs(deleted[n])
		}
	}
	req.Reply(resp)
}

func newFilter(in *kmsg.DeleteACLsRequestFilter) *auth.Filter {
	return &auth.Filter{
		ResourceType: auth.ResourceType(in.ResourceType), PatternType: auth.PatternType(in.ResourcePatternType), ResourceName: in.ResourceName,
		Principal: in.Principal, Host: in.Host, Operation: auth.Operation(in.Operation), Permission: auth.Permission(in.PermissionType),
	}
}

func matchingACLs(deleted []metadata.ACL) []kmsg.DeleteACLsResponseResultMatchingACL {
	slices.SortFunc(deleted, compareACLs)
	out := make([]kmsg.DeleteACLsResponseResultMatchingACL, len(deleted))
	for i, acl := range deleted {
		rule := kmsg.NewDeleteACLsResponseResultMatchingACL()
		rule.ResourceType, rule.ResourceName = kmsg.ACLResourceType(acl.ResourceType), acl.ResourceName
		rule.ResourcePatternType = kmsg.ACLResourcePatternType(acl.PatternType)
		rule.Principal, rule.Host = acl.Principal, acl.Host
		rule.Operation, rule.PermissionType = kmsg.ACLOperation(acl.Operation), kmsg.ACLPermissionType(acl.Permission)
		out[i] = rule
	}
	return out
}
